"""The contract of a mixture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

from polysense.data.sampling import ShuffledBatches


class Batches(Protocol):
    """What a data loader asks of its batches: lists of row numbers, in an order that (seed, epoch) alone decide."""

    batch_size: int
    drop_last: bool

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is given next."""

    def __len__(self) -> int:
        """Batches an epoch."""

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of the epoch."""


class Mixture(ABC):
    """How the batches of several corpora follow each other in one training."""

    @abstractmethod
    def batches(self, sizes: Sequence[int], batch_size: int, *, seed: int) -> Batches:
        """The batches over the rows of all corpora, which stand one corpus after another.

        Args:
            sizes: rows of each corpus, in the order of the recipe.
            batch_size: rows a batch.
            seed: of the run.
        """


class Interleaved(Mixture):
    """A mixture in which every batch is of one corpus."""

    @abstractmethod
    def steps(self, counts: Sequence[int]) -> list[int]:
        """Which corpus gives each batch of an epoch, the same in every epoch; ``counts`` are the batches that each one has."""

    def batches(self, sizes: Sequence[int], batch_size: int, *, seed: int) -> Batches:
        """Batches of one corpus each, in the order of :meth:`steps`."""
        return InterleavedBatches(self, sizes, batch_size, seed=seed)


class InterleavedBatches:
    """Each corpus is an endless stream of its own shuffled batches, which goes on over the epochs; ``steps`` says whose is next.

    Where each stream stands follows from the epoch's number, so that nothing is kept and a resumed run sees the same batches.
    """

    drop_last = False

    def __init__(self, mixture: Interleaved, sizes: Sequence[int], batch_size: int, *, seed: int) -> None:
        self.batch_size = batch_size
        self.epoch = 0
        self._mixture = mixture
        self._starts = [sum(sizes[:place]) for place in range(len(sizes))]
        self._streams = [ShuffledBatches(size, batch_size, seed=seed + 7919 * place) for place, size in enumerate(sizes)]

    @cached_property
    def _steps(self) -> list[int]:
        return self._mixture.steps([len(stream) for stream in self._streams])

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is given next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[list[int]]:
        shares = Counter(self._steps)
        streams = [endless(stream, after=self.epoch * shares[corpus]) for corpus, stream in enumerate(self._streams)]
        for corpus in self._steps:
            yield [self._starts[corpus] + row for row in next(streams[corpus])]


def endless(stream: ShuffledBatches, *, after: int) -> Iterator[list[int]]:
    """The batches of a corpus, cycle after cycle, without the first ``after`` of them."""
    cycle, skipped = divmod(after, len(stream))
    while True:
        stream.set_epoch(cycle)
        yield from list(stream)[skipped:]
        cycle, skipped = cycle + 1, 0
