"""What is taken for what: the confusion matrix, and precision, recall and F1 of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polysense.metrics.classification import confusion
from polysense.report.run import Run
from polysense.report.scores import Spread, label_scores, run_scores, scored_rows
from polysense.report.section import Section, render

MOST = 30
"""A confusion matrix of more classes than this is not readable and not shown."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the confusion matrix."""

    share: float
    """Of the rows of its true class."""
    count: float
    """Rows, mean over seeds."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class."""

    label: str
    support: float
    precision: Spread
    recall: Spread
    f1: Spread


def classes(run: Run, against: Sequence[Run]) -> Section | None:
    """The confusion matrix over all seeds and the table of classes."""
    del against
    scores = run_scores(run)
    if not run.labels or not all(f"f1/{label}" in scores for label in run.labels):
        return None
    table = [
        ClassRow(label, scores[f"support/{label}"].mean, *(scores[f"{name}/{label}"] for name in ("precision", "recall", "f1")))
        for label in run.labels
    ]
    return Section("classes", "Classes", render("classes.html", run=run, table=table, matrix=matrix(run), seeds=len(run.shown)))


def matrix(run: Run) -> list[list[Cell]] | None:
    """Mean counts over seeds, row = truth; None where rows have several labels or the classes are too many."""
    parts = [predictions for predictions in run.shown.values() if label_scores(predictions, labels=run.labels)]
    rows = [scored_rows(predictions) for predictions in parts]
    plain = all(isinstance(value, str) for part in rows for row in part for value in (row["target"], row["label"]))
    if not parts or not plain or len(run.labels) > MOST:
        return None
    counts = [confusion([row["target"] for row in part], [row["label"] for row in part], labels=run.labels) for part in rows]
    return shares(np.mean(counts, axis=0))


def shares(counts: NDArray[np.float64]) -> list[list[Cell]]:
    """Counts (truth, predicted) with their share of the rows of their true class."""
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    return [
        [Cell(float(share), float(count)) for share, count in zip(*line, strict=True)]
        for line in zip(counts / totals, counts, strict=True)
    ]
