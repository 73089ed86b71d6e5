"""Every batch of every corpus once an epoch."""

from __future__ import annotations

from collections.abc import Sequence

from polysense.data.mixtures.mixture import Interleaved


class Proportional(Interleaved):
    """Every batch of every corpus once an epoch, each corpus spread evenly over it."""

    def steps(self, counts: Sequence[int]) -> list[int]:
        """The k-th of n batches of a corpus stands where (k + 1/2) / n of the epoch has passed."""
        due = [((number + 0.5) / count, corpus) for corpus, count in enumerate(counts) for number in range(count)]
        return [corpus for _, corpus in sorted(due)]
