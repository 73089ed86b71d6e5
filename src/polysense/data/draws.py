"""Which of the training rows that a corpus offers a run shows: drawn by the seed of the run, if asked for anew in every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Protocol

from polysense.data.mixtures.mixture import Batches
from polysense.types import Sample

Epochs = Callable[[int], Sequence[int]]
"""Epoch, from 0, to the places of the rows that it shows: as many in every epoch, and nothing but the epoch decides them."""


class Draw(Protocol):
    """What a corpus draws from its training rows."""

    def draw(self, samples: Sequence[Sample], *, seed: int) -> tuple[Sequence[Sample], Epochs]:
        """The rows that a run with ``seed`` shows in some epoch, perhaps with other pictures, and which of them in which."""


class Drawn:
    """The training rows of one seed of a run.

    Args:
        samples: the training rows on offer; those of one corpus stand together and have one ``source``.
        draws: by ``source``; of a corpus that is not named, every epoch shows every row.
        seed: of the run.

    Raises:
        DataError: there are fewer rows than a draw asks for.
    """

    def __init__(self, samples: Sequence[Sample], draws: Mapping[str, Draw], *, seed: int) -> None:
        self.samples: list[Sample] = []
        """All that some epoch shows, one corpus after another."""
        self._corpora: list[tuple[int, Epochs]] = []
        for source, group in groupby(samples, key=lambda sample: sample.source):
            offered = list(group)
            rows, epochs = draws[source].draw(offered, seed=seed) if source in draws else every(offered)
            self._corpora.append((len(self.samples), epochs))
            self.samples += rows

    @property
    def sizes(self) -> list[int]:
        """Rows of each corpus in an epoch."""
        return [len(epochs(0)) for _, epochs in self._corpora]

    def epoch(self, number: int) -> list[int]:
        """The places in ``samples`` of the rows that an epoch shows, one corpus after another."""
        return [start + place for start, epochs in self._corpora for place in epochs(number)]


def every(rows: Sequence[Sample]) -> tuple[Sequence[Sample], Epochs]:
    """All rows in every epoch."""
    return rows, lambda _: range(len(rows))


class DrawnBatches:
    """Batches of the rows that are drawn for each epoch.

    Args:
        batches: over as many rows as an epoch shows.
        drawn: says which rows these are.
    """

    drop_last = False

    def __init__(self, batches: Batches, drawn: Drawn) -> None:
        self.batch_size = batches.batch_size
        self.epoch = 0
        self._batches = batches
        self._drawn = drawn

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose rows and order are given next."""
        self.epoch = epoch
        self._batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        rows = self._drawn.epoch(self.epoch)
        for batch in self._batches:
            yield [rows[number] for number in batch]
