"""Which of the training rows that a corpus offers a run shows: drawn by the seed of the run, if asked for anew in every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from random import Random
from typing import Protocol

from polysense.data.mixtures.mixture import Batches
from polysense.data.table import Table
from polysense.seeds import seed_from
from polysense.types import Sample

Epochs = Callable[[int], Sequence[int]]
"""Epoch, from 0, to the places of the rows that it shows: as many in every epoch, and nothing but the epoch decides them."""

Part = tuple[Sequence[Sample], Epochs]
"""Rows that a run shows in some epoch, and which of them in which. To a mixture each part is a corpus of its own."""


class Draw(Protocol):
    """What a corpus draws from its training rows."""

    @property
    def digests(self) -> Mapping[str, str]:
        """Of what is drawn from besides the rows, by name."""

    def draw(self, samples: Sequence[Sample], *, seed: int) -> list[Part]:
        """What a run with ``seed`` shows, perhaps with other pictures or without labels: one part, or several for the mixture."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many of the training rows, the same in every epoch."""

    count: int
    seed: int | None
    """Of the draw; None takes the run's own."""

    @property
    def digests(self) -> Mapping[str, str]:
        """Nothing but the rows is drawn from."""
        return {}

    def draw(self, samples: Sequence[Sample], *, seed: int) -> list[Part]:
        """The rows in their order."""
        if self.count >= len(samples):
            return [every(samples)]
        chosen = Random(seed_from(seed if self.seed is None else self.seed, "limit")).sample(range(len(samples)), self.count)
        return [every([samples[place] for place in sorted(chosen)])]


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
            for rows, epochs in draws[source].draw(offered, seed=seed) if source in draws else [every(offered)]:
                self._corpora.append((len(self.samples), epochs))
                self.samples += rows

    @property
    def sizes(self) -> list[int]:
        """Rows of each corpus, and of each part that is drawn of one, in an epoch."""
        return [len(epochs(0)) for _, epochs in self._corpora]

    def epoch(self, number: int) -> list[int]:
        """The places in ``samples`` of the rows that an epoch shows, one corpus after another."""
        return [start + place for start, epochs in self._corpora for place in epochs(number)]


def every(rows: Sequence[Sample]) -> Part:
    """All rows in every epoch."""
    return rows, lambda _: range(len(rows))


def applied(candidates: Table) -> Table:
    """The table with the training rows that its draws show in the first epoch: by seeds of their own, by 0 where they have none."""
    training = [place for place, sample in enumerate(candidates.samples) if sample.split == "train"]
    drawn = Drawn([replace(candidates.samples[place], index=place) for place in training], candidates.draws, seed=0)
    shown = {(sample := drawn.samples[place]).index: sample for place in drawn.epoch(0)}
    samples = [
        replace(shown[place], index=sample.index) if place in shown else sample
        for place, sample in enumerate(candidates.samples)
        if place in shown or sample.split != "train"
    ]
    return replace(candidates, samples=tuple(samples), draws={})


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
