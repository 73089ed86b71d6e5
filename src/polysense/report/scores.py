"""Metrics of a run's predictions, seed by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from polysense.metrics.classification import classification_metrics, multilabel_metrics
from polysense.report.run import Run
from polysense.training.predictions import Predictions

MAIN = ("weighted_f1", "macro_f1", "accuracy", "subset_accuracy")
"""The metrics of labels that tables lead with."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A value over seeds."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return fmean(self.values)

    @property
    def std(self) -> float | None:
        """Sample standard deviation; None for a single seed."""
        return stdev(self.values) if len(self.values) > 1 else None


def scored_rows(predictions: Predictions) -> list[Mapping[str, Any]]:
    """The rows with a target label and a predicted one."""
    return [row for row in predictions.rows if isinstance(row["target"], str | list) and row.get("label") is not None]


def label_scores(predictions: Predictions, *, labels: Sequence[str]) -> dict[str, float]:
    """The metrics of one file of predictions; empty if its rows have no labels, or others than the run knows."""
    rows = scored_rows(predictions)
    targets, answers = [row["target"] for row in rows], [row["label"] for row in rows]
    if not rows or not names_of([*targets, *answers]) <= set(labels):
        return {}
    if all(isinstance(value, str) for value in (*targets, *answers)):
        return classification_metrics(targets, answers, labels=labels)
    sets = [[[value] if isinstance(value, str) else value for value in side] for side in (targets, answers)]
    return multilabel_metrics(sets[0], sets[1], labels=labels)


def names_of(values: Iterable[str | Sequence[str]]) -> set[str]:
    """Every label that occurs."""
    return {name for value in values for name in ([value] if isinstance(value, str) else value)}


def run_scores(run: Run, part: str | None = None) -> dict[str, Spread]:
    """Each metric over the seeds: from the predictions ``part`` (default: of the split shown), else from the run's record."""
    name = part or run.split or ""
    found = spreads(run.predictions.get(name, {}).values(), labels=run.labels)
    if not found and part is None:
        return over_seeds([recorded(entry, split=run.split) for entry in run.record.get("per_seed", [])])
    return found


def spreads(parts: Iterable[Predictions], *, labels: Sequence[str]) -> dict[str, Spread]:
    """Each metric over files of predictions, one a seed; empty if their rows have no labels, or others than ``labels``."""
    return over_seeds([label_scores(predictions, labels=labels) for predictions in parts])


def over_seeds(each: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """The metrics that every seed has."""
    names = [name for name in (each[0] if each else {}) if all(name in scores for scores in each)]
    return {name: Spread(tuple(scores[name] for scores in each)) for name in names}


def recorded(entry: Mapping[str, Any], *, split: str | None) -> dict[str, float]:
    """The numbers that training wrote down for one seed."""
    found = entry.get(split or "test") or entry.get("test") or entry.get("validation") or {}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def most_frequent(run: Run) -> tuple[str, dict[str, float]] | None:
    """The commonest class of the split shown, and the scores of answering it always: what any model must beat."""
    predictions = next(iter(run.shown.values()), None)
    rows = [row for row in predictions.rows if row["target"] is not None] if predictions is not None else []
    if predictions is None or not rows or not all(isinstance(row["target"], str) for row in rows):
        return None
    label = Counter(row["target"] for row in rows).most_common(1)[0][0]
    constant = Predictions(predictions.path, tuple({**row, "label": label} for row in rows))
    scores = label_scores(constant, labels=run.labels)
    return (label, scores) if scores else None


def led_by(scores: Mapping[str, object], *, best: str | None = None) -> list[str]:
    """The metrics that a table shows: the usual ones of labels, else all that are not of one class; the chosen one first."""
    names = [name for name in MAIN if name in scores] or [name for name in scores if "/" not in name]
    return sorted(names, key=lambda name: name != best)


def is_fraction(metric: str) -> bool:
    """Whether a metric runs from 0 to 1 and is shown in points."""
    return metric.partition("/")[0].endswith(("f1", "accuracy", "precision", "recall"))
