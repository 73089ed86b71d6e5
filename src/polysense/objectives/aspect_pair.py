"""Hidden pairs of aspect and sentiment word."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from polysense.distributed import everywhere, mean
from polysense.losses import binary_cross_entropy_of_sets
from polysense.objectives.objective import Look, Recovered
from polysense.objectives.sentiment_objective import SentimentObjective
from polysense.types import Widths

PRIOR_LOGIT = -6.0
"""Logit of every word at the start, about the logarithm of a small prior: of a vocabulary few words stand in one pair."""


class AspectPair(SentimentObjective):
    """Which tokens the hidden pairs of a text are made of, from its first state; a token is in a pair or not, on its own.

    ``loss = mean over pairs of - sum_v [ t_v ln p_v + (1 - t_v) ln(1 - p_v) ]`` with ``p = sigmoid(W h_0 + b)`` over the vocabulary.
    The published formula has the first term only, which drives p to 1 for every word that is ever in a pair.
    Reads: text.   Source: SKEP (ACL 2020), its L_ap; the second term is ours.   Relations: shares its pass with
    :class:`SentimentWord` and :class:`WordPolarity`. It is a sum over the vocabulary: weigh it with 0.1 beside them.

    Args:
        widths: supplied by the build.
        knowledge: what to hide by, see :class:`SentimentObjective`.
        share: of a text's tokens, hidden beside the pairs.
        most_pairs: pairs of aspect and sentiment word that are hidden in a text.
        skip_negated: leave out sentiment words with a negator at most three words to their left, in their clause.
        tied: ``E (W h_0 + c) + b`` with the encoder's word embeddings E; else one matrix of width times vocabulary.
        per: a term for each ``pair``, or one for each ``sentence`` with the tokens of all its pairs.
    """

    recovers_pairs = True

    def __init__(
        self,
        widths: Widths,
        *,
        knowledge: str | None = None,
        share: float = 0.1,
        most_pairs: int = 2,
        skip_negated: bool = False,
        tied: bool = False,
        per: Literal["pair", "sentence"] = "pair",
    ) -> None:
        super().__init__(knowledge=knowledge, share=share, most_pairs=most_pairs, skip_negated=skip_negated)
        width, tokens = widths["text"], widths["vocabulary"]
        self.per = per
        self.tied = tied
        self.transform = nn.Linear(width, width) if tied else nn.Linear(width, tokens, bias=False)
        self.bias = nn.Parameter(torch.full((tokens,), PRIOR_LOGIT))

    def forward(self, look: Look) -> Tensor | None:
        """The mean over the hidden pairs, or the texts that have some; None where there are none."""
        found = self.recover(look)
        if everywhere(not len(found.truth)):
            return None
        return mean(binary_cross_entropy_of_sets(found.scores, found.truth))

    def recover(self, look: Look) -> Recovered:
        """The hidden pairs, or the texts that have some, with the tokens that they are made of."""
        hidden = self.hide(look)
        rows, tokens = hidden.targets["pair_row"], hidden.targets["pair_tokens"]
        if self.per == "sentence":
            rows, tokens = _joined(rows, tokens)
        return Recovered(self._logits(hidden.states[rows, 0], hidden.embeddings), tokens)

    def _logits(self, states: Tensor, embeddings: Tensor) -> Tensor:
        transformed: Tensor = self.transform(states)
        logits = nn.functional.linear(transformed, embeddings) if self.tied else transformed
        return logits.float() + self.bias


def _joined(rows: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """One set a row of the batch: its number, and the tokens of all its pairs."""
    if not len(rows):
        return rows, tokens
    several, place = torch.unique(rows, return_inverse=True)
    sets = [tokens[place == number].flatten() for number in range(len(several))]
    return several, nn.utils.rnn.pad_sequence(sets, batch_first=True, padding_value=-1)
