"""Corpora in shares of one's own."""

from __future__ import annotations

from collections.abc import Sequence

from polysense.data.mixtures.mixture import Interleaved
from polysense.errors import RecipeError


class Ratio(Interleaved):
    """Batches of the corpora in the proportion of ``shares``, spread evenly: ``[3, 1]`` takes three of the first for one of the second.

    An epoch shows every batch of the first corpus once; the others are repeated, or go on in the next epoch.

    Args:
        shares: a number above 0 for each corpus, in the order of the recipe.
    """

    def __init__(self, shares: list[float]) -> None:
        if not shares or min(shares) <= 0:
            raise RecipeError(f"mixture: Ratio.shares are numbers above 0, one for each corpus; found {shares}")
        self.shares = shares

    def steps(self, counts: Sequence[int]) -> list[int]:
        """Each step goes to the corpus that is furthest behind its share.

        Raises:
            RecipeError: a corpus would never be seen, for every epoch takes the same steps and ends before its first turn.
        """
        if len(counts) != len(self.shares):
            raise RecipeError(f"mixture: Ratio.shares has {len(self.shares)} numbers for {len(counts)} corpora")
        taken = [0] * len(counts)
        steps: list[int] = []
        while taken[0] < counts[0]:
            corpus = min(range(len(counts)), key=lambda place: ((taken[place] + 0.5) / self.shares[place], place))
            taken[corpus] += 1
            steps.append(corpus)
        if 0 in taken:
            raise RecipeError(self._unseen(counts, taken.index(0)))
        return steps

    def _unseen(self, counts: Sequence[int], corpus: int) -> str:
        least = self.shares[0] / (2 * counts[0] - 1)  # of which the first turn would come with the last of the first corpus
        return (
            f"mixture: Ratio.shares {self.shares} for corpora of {list(counts)} batches: an epoch ends with the first corpus, before "
            f"corpus {corpus + 1} has its turn, which is then never seen; give it a share above {least:.4g}, or smaller batches"
        )
