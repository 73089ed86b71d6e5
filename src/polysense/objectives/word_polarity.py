"""The polarity of hidden sentiment words."""

from __future__ import annotations

from torch import Tensor, nn

from polysense.objectives.hidden_tokens import cross_entropy_of
from polysense.objectives.objective import Look, Recovered
from polysense.objectives.sentiment_objective import SentimentObjective
from polysense.types import Widths
from polysense.views.masked import KEPT


class WordPolarity(SentimentObjective):
    """Whether a hidden sentiment word is negative or positive, from the words around it.

    ``loss = mean over the hidden tokens of sentiment words of CE(W h + b, polarity)``, pairs' words included, aspects not.
    Reads: text.   Source: SKEP (ACL 2020), its L_wp.   Relations: shares its pass with :class:`SentimentWord` and
    :class:`AspectPair`.

    Args:
        widths: supplied by the build.
        knowledge: what to hide by, and the polarities, see :class:`SentimentObjective`.
        share: of a text's tokens, hidden beside the pairs.
        most_pairs: pairs of aspect and sentiment word that are hidden in a text.
        skip_negated: leave out sentiment words with a negator at most three words to their left, in their clause.
    """

    def __init__(
        self,
        widths: Widths,
        *,
        knowledge: str | None = None,
        share: float = 0.1,
        most_pairs: int = 2,
        skip_negated: bool = False,
    ) -> None:
        super().__init__(knowledge=knowledge, share=share, most_pairs=most_pairs, skip_negated=skip_negated)
        self.head = nn.Linear(widths["text"], 2)

    def forward(self, look: Look) -> Tensor | None:
        """The mean over the hidden tokens of sentiment words; None where there are none."""
        return cross_entropy_of(self.recover(look))

    def recover(self, look: Look) -> Recovered:
        """The hidden tokens of sentiment words, each negative (0) or positive (1)."""
        hidden = self.hide(look)
        polarity = hidden.targets["polarity"]
        chosen = polarity != KEPT
        return Recovered(self.head(hidden.states[chosen]).float(), polarity[chosen].unsqueeze(1))
