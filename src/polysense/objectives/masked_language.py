"""Masked language modelling."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from polysense.errors import RecipeError
from polysense.objectives.hidden_tokens import cross_entropy_of, hiding_encoder, token_states
from polysense.objectives.objective import Look, Recovered, Recovering
from polysense.objectives.word_head import WordHead
from polysense.types import Widths
from polysense.views.masked import KEPT, Masked


class MaskedLanguage(Recovering):
    """Recover hidden words from those around them.

    ``loss = mean over chosen tokens of CE(E LN(gelu(W h + c)) + b, token)``; E are the encoder's word embeddings.
    Reads: text.   Source: BERT; spans of whole words as in UNIMO (ACL 2021).   Relations: trains a small encoder of one's own from
    nothing, or goes on with any Hugging Face one; SimCSE's auxiliary term has weight 0.1.

    Args:
        widths: supplied by the build.
        share: of the tokens that are hidden, above 0 and below 1.
        longest_span: tokens a span may have; 1 hides single whole words.
        span_stop: chance that a span ends after each token.
        tied: use the encoder's word embeddings as the last layer; else it has one of its own.
        beside: guess from the picture too, where a row has one, with a fusion of one stream (UNIMO); else from the text alone.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text"})

    def __init__(
        self,
        widths: Widths,
        *,
        share: float = 0.15,
        longest_span: int = 10,
        span_stop: float = 0.2,
        tied: bool = True,
        beside: bool = False,
    ) -> None:
        super().__init__()
        if not 0 < share < 1 or longest_span < 1 or not 0 < span_stop <= 1:
            raise RecipeError("MaskedLanguage: share and span_stop lie between 0 and 1, longest_span from 1 up")
        width, tokens = widths["text"], widths["vocabulary"]
        self.share, self.longest_span, self.span_stop = share, longest_span, span_stop
        self.beside = beside
        self.head = WordHead(widths["fused"] if beside else width, tokens, tied=tied)

    def forward(self, look: Look) -> Tensor | None:
        """Cross-entropy over the chosen tokens; None where the texts are too short to choose any."""
        return cross_entropy_of(self.recover(look))

    def recover(self, look: Look) -> Recovered:
        """The chosen tokens, among all of the vocabulary."""
        encoder = hiding_encoder(look.encoder("text"), "MaskedLanguage")
        view = Masked(encoder.vocabulary, share=self.share, longest_span=self.longest_span, span_stop=self.span_stop)
        shown, seen = look(view)
        original = shown.targets["original"]
        states = token_states(seen, shown.batch, "MaskedLanguage", fusion=look.fusion if self.beside else None)
        chosen = original != KEPT
        return Recovered(self.head(states[chosen], encoder.embeddings), original[chosen].unsqueeze(1))
