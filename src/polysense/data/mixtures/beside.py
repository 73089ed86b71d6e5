"""Rows of the other corpora in every batch of the first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from polysense.data.mixtures.mixture import Batches, Mixture, endless
from polysense.data.sampling import ShuffledBatches
from polysense.errors import RecipeError


class Beside(Mixture):
    """Every batch of the first corpus, with rows of the others added to it: unlabelled rows beside labelled ones.

    An epoch shows the first corpus once, in the batches that it would have alone, so that a run with more or fewer rows beside it takes
    the same steps on the same labels. The others are one pool that goes on over the epochs.

    Args:
        share: rows of the others for each row of a batch; 0 leaves them out.
    """

    def __init__(self, share: float = 1.0) -> None:
        if not 0 <= share < math.inf:
            raise RecipeError(f"mixture: Beside.share is a number from 0 up, found {share}")
        self.share = share

    def batches(self, sizes: Sequence[int], batch_size: int, *, seed: int) -> Batches:
        """Batches of up to ``batch_size`` rows of the first corpus and ``share`` times as many of the others."""
        first, others, beside = sizes[0], sum(sizes[1:]), round(self.share * batch_size)
        return BesideBatches(
            ShuffledBatches(first, batch_size, seed=seed),
            ShuffledBatches(others, beside, seed=seed + 7919) if others and beside else None,
        )


class BesideBatches:
    """Each batch of ``first`` with the next one of ``others``, whose numbers go on where those of ``first`` end."""

    drop_last = False

    def __init__(self, first: ShuffledBatches, others: ShuffledBatches | None) -> None:
        self.batch_size = first.batch_size
        self.epoch = 0
        self._first = first
        self._others = others

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is given next."""
        self.epoch = epoch
        self._first.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._first)

    def __iter__(self) -> Iterator[list[int]]:
        if self._others is None:
            yield from self._first
            return
        others = endless(self._others, after=self.epoch * len(self))
        for rows in self._first:
            yield [*rows, *(self._first.rows + row for row in next(others))]
