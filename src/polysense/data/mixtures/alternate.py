"""The smaller corpus spread evenly over the larger one's steps."""

from __future__ import annotations

from collections.abc import Sequence

from polysense.data.mixtures.mixture import Interleaved
from polysense.errors import RecipeError


class Alternate(Interleaved):
    """A batch of the smaller corpus every k-th step, k = batches of the larger // batches of the smaller; two corpora.

    An epoch has as many steps as both have batches; step s takes the smaller one where s mod k is 0. With one corpus, its batches.
    Source: the training of MCSE (NAACL 2022), where the larger holds sentences and the smaller captions with pictures. Which is
    which follows from their sizes here, so that k is never 0; and k is at least 2, for with 1 the larger would never be seen.
    """

    def steps(self, counts: Sequence[int]) -> list[int]:
        """0 or 1 for each step."""
        if len(counts) == 1:
            return [0] * counts[0]
        if len(counts) != 2:
            raise RecipeError(f"mixture: Alternate takes two corpora, found {len(counts)}; Proportional takes any number")
        smaller = 0 if counts[0] < counts[1] else 1
        every = max(2, counts[1 - smaller] // counts[smaller])
        return [smaller if step % every == 0 else 1 - smaller for step in range(sum(counts))]
