"""Learning from fewer labels than a table has: how much a labelled row is worth, and what rows without a label add."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from polysense.data.draws import Part, every
from polysense.data.table import Table, classes
from polysense.errors import ArgumentError
from polysense.seeds import seed_from
from polysense.types import Sample


@dataclass(frozen=True, slots=True)
class FewLabels:
    """The labels of ``count`` training rows, drawn by the run's seed; the other rows are shown as unlabelled ones.

    The classes keep their shares, each has a row, and the labels of a smaller count are among those of a larger one. None shows
    all labels.
    """

    count: int | None

    @property
    def digests(self) -> Mapping[str, str]:
        """Nothing but the rows is drawn from."""
        return {}

    def candidates(self, table: Table) -> Table:
        """The table with this draw.

        Raises:
            ArgumentError: the training rows have fewer labels, or there are more classes than labels are asked for.
        """
        labelled = [sample for sample in table.samples if sample.split == "train" and sample.label is not None]
        wanted = len(labelled) if self.count is None else self.count
        if wanted > len(labelled):
            raise self._error(f"{wanted} labels are asked for, the training rows have {len(labelled)}", len(labelled))
        kinds = len({sample.label for sample in labelled if isinstance(sample.label, str)})
        if wanted < kinds:
            raise self._error(f"{wanted} labels are asked for, there are {kinds} classes and each needs one", kinds)
        return replace(table, draws={"": self})

    @staticmethod
    def _error(message: str, instead: int) -> ArgumentError:
        return ArgumentError(f"labels: {message}", argument="labels", instead=str(instead))

    def draw(self, samples: Sequence[Sample], *, seed: int) -> list[Part]:
        """The rows whose labels are learned from, and all others without a label, each in the table's order."""
        kept = set(in_turn(samples, seed=seed)[: self.count])
        shown = [sample for place, sample in enumerate(samples) if place in kept]
        others = [replace(sample, label=None) for place, sample in enumerate(samples) if place not in kept]
        return [every(rows) for rows in (shown, others) if rows]


def in_turn(samples: Sequence[Sample], *, seed: int) -> list[int]:
    """The places of the labelled samples in an order of which every beginning has about the classes' shares; ``seed`` decides.

    First comes one row of every class. The k-th of the n rows of a class then stands where (k + 1/2) / n of all have passed.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, sample in enumerate(samples):
        if sample.label is not None:
            places["\0".join(classes(sample))].append(place)
    due: list[tuple[float, str, int]] = []
    for name, rows in places.items():
        Random(seed_from(seed, "labels", name)).shuffle(rows)
        single = isinstance(samples[rows[0]].label, str)  # of rows with several labels there may be as many kinds as rows
        due += [(-1.0 if single and not k else (k + 0.5) / len(rows), name, row) for k, row in enumerate(rows)]
    return [row for *_, row in sorted(due)]
