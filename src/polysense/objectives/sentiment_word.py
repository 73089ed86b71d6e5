"""Hidden sentiment words."""

from __future__ import annotations

from torch import Tensor

from polysense.objectives.hidden_tokens import cross_entropy_of
from polysense.objectives.objective import Look, Recovered
from polysense.objectives.sentiment_objective import SentimentObjective
from polysense.objectives.word_head import WordHead
from polysense.types import Widths
from polysense.views.masked import KEPT


class SentimentWord(SentimentObjective):
    """Recover hidden sentiment words, and the common tokens that fill up the budget; see :class:`SentimentMasked`.

    ``loss = mean over these tokens of CE(E LN(gelu(W h + c)) + b, token)``; E are the encoder's word embeddings.
    Reads: text.   Source: SKEP (ACL 2020), its L_sw.   Relations: :class:`MaskedLanguage` that hides by knowledge; shares its
    pass with :class:`WordPolarity` and :class:`AspectPair`.

    Args:
        widths: supplied by the build.
        knowledge: what to hide by, see :class:`SentimentObjective`.
        share: of a text's tokens, hidden beside the pairs.
        most_pairs: pairs of aspect and sentiment word that are hidden in a text.
        skip_negated: leave out sentiment words with a negator at most three words to their left, in their clause.
        tied: use the encoder's word embeddings as the last layer; else it has one of its own.
    """

    def __init__(
        self,
        widths: Widths,
        *,
        knowledge: str | None = None,
        share: float = 0.1,
        most_pairs: int = 2,
        skip_negated: bool = False,
        tied: bool = True,
    ) -> None:
        super().__init__(knowledge=knowledge, share=share, most_pairs=most_pairs, skip_negated=skip_negated)
        self.head = WordHead(widths["text"], widths["vocabulary"], tied=tied)

    def forward(self, look: Look) -> Tensor | None:
        """The mean over the hidden tokens; None where no text has any."""
        return cross_entropy_of(self.recover(look))

    def recover(self, look: Look) -> Recovered:
        """The hidden tokens, among all of the vocabulary."""
        hidden = self.hide(look)
        original = hidden.targets["original"]
        chosen = original != KEPT
        return Recovered(self.head(hidden.states[chosen], hidden.embeddings), original[chosen].unsqueeze(1))
