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
        """Each step goes to the corpus that is furthest behind its share."""
        if len(counts) != len(self.shares):
            raise RecipeError(f"mixture: Ratio.shares has {len(self.shares)} numbers for {len(counts)} corpora")
        taken = [0] * len(counts)
        steps: list[int] = []
        while taken[0] < counts[0]:
            corpus = min(range(len(counts)), key=lambda place: ((taken[place] + 0.5) / self.shares[place], place))
            taken[corpus] += 1
            steps.append(corpus)
        return steps
