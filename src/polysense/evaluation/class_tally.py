"""Answers counted against labels one by one, for tables of any length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from polysense.metrics.classification import as_floats, label_outcomes, multilabel_scores, single_label_scores


class ClassTally:
    """What :class:`ClassificationReport` counts, without probabilities; memory does not grow with the rows.

    Args:
        labels: the classes of the model.
        several: a row may have any number of them.
    """

    def __init__(self, labels: Sequence[str], *, several: bool) -> None:
        self.labels, self.several = list(labels), several
        self.rows = 0
        """That were counted."""
        self.unknown: Counter[str] = Counter()
        """Labels that are no class of the model; their rows are not counted."""
        self._sums = np.zeros(3 * len(self.labels) + 2, dtype=np.int64)

    def add(self, target: Collection[str], answer: Collection[str]) -> None:
        """One more row: its true classes and those that were answered."""
        if others := [label for label in target if label not in self.labels]:
            self.unknown.update(others[:1])
            return
        self.rows += 1
        self._sums += label_outcomes([target], [answer], labels=self.labels)[0]

    def metrics(self) -> dict[str, float]:
        """As of :func:`polysense.metrics.classification.classification_metrics`, or of several labels a row."""
        return as_floats((multilabel_scores if self.several else single_label_scores)(self._sums, labels=self.labels))
