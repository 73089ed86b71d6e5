"""Rows on their way through a model, whose labels are kept until their answers come."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any

from polysense.data.table import classes
from polysense.evaluation.class_tally import ClassTally
from polysense.inference.predictor import Predictor
from polysense.inference.reader import Row
from polysense.types import Sample


class Checked:
    """Hands rows on, and counts the answers of the labelled ones.

    Args:
        rows: of a table.
        model: whose classes are counted; of one without classes nothing is.
    """

    def __init__(self, rows: Iterator[Row], model: Predictor) -> None:
        self._rows = rows
        self._targets: deque[tuple[str, ...] | None] = deque()
        self._tally = ClassTally(model.labels, several=model.answers_several)

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            target = classes(row) if isinstance(row, Sample) and row.label is not None else None
            self._targets.append(target if self._tally.labels else None)
            yield row

    def hear(self, answer: Mapping[str, Any]) -> None:
        """The answer of the next row."""
        target, label = self._targets.popleft(), answer.get("label")
        if target is not None and label is not None:
            self._tally.add(target, [label] if isinstance(label, str) else label)

    @property
    def rows(self) -> int:
        """Labelled rows that were counted."""
        return self._tally.rows

    @property
    def labels(self) -> list[str]:
        """The classes."""
        return self._tally.labels

    @property
    def unknown(self) -> Counter[str]:
        """Labels of the table that are no class of the model."""
        return self._tally.unknown

    def metrics(self) -> dict[str, float]:
        """Of all classes and of each."""
        return self._tally.metrics()
