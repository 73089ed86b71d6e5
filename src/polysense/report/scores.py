"""Metrics of a run's predictions, seed by seed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from polysense.metrics.classification import classification_metrics, multilabel_metrics
from polysense.metrics.sentiment import Dataset, msa_regression
from polysense.metrics.spread import sample_std
from polysense.report.run import Run
from polysense.training.pair import SCORE_METRICS
from polysense.training.predictions import Predictions
from polysense.training.rival import constant_answer

MAIN = ("weighted_f1", "macro_f1", "accuracy", "subset_accuracy", *SCORE_METRICS)
"""The metrics of labels and of scores that tables lead with."""


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
        return sample_std(self.values)


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


def row_scores(predictions: Predictions, *, rules: Dataset) -> dict[str, float]:
    """The metrics of the predicted scores of one file; empty if no row has a true and a predicted one."""
    rows = numbered_rows(predictions)
    return msa_regression([row["score"] for row in rows], [row["target"] for row in rows], dataset=rules) if rows else {}


def numbered_rows(predictions: Predictions) -> list[Mapping[str, Any]]:
    """The rows with a true score and a predicted one."""
    return [row for row in predictions.rows if is_number(row["target"]) and is_number(row.get("score"))]


def is_number(value: object) -> bool:
    """Whether it is a score."""
    return isinstance(value, int | float) and math.isfinite(value)


def measured_rows(predictions: Predictions) -> list[Mapping[str, Any]]:
    """The rows that metrics are of: those with labels, or else those with scores."""
    return scored_rows(predictions) or numbered_rows(predictions)


def run_scores(run: Run, part: str | None = None) -> dict[str, Spread]:
    """Each metric over the seeds: from the predictions ``part`` (default: of the split shown), else from the run's record.

    The metric that chose the checkpoint, where it is none of predictions (``soft_accuracy``), is that of the record.
    """
    name = part or run.split or ""
    found = spreads(run, run.predictions.get(name, {}).values())
    if part is not None:
        return found
    noted = over_seeds([recorded(entry, split=run.scored) for entry in run.record.get("per_seed", [])])
    best = run.record.get("best_metric")
    return {**{name: noted[name] for name in noted if name == best}, **found} if found else noted


def spreads(run: Run, parts: Iterable[Predictions]) -> dict[str, Spread]:
    """Each metric over files of the run's predictions, one a seed; empty if their rows have no labels that it knows, and no scores."""
    labels, rules = run.labels, run.rules
    return over_seeds([label_scores(part, labels=labels) or row_scores(part, rules=rules) for part in parts])


def over_seeds(each: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """The metrics that every seed has; one without a value, such as the correlation of a constant, it has not."""
    names = [name for name in (each[0] if each else {}) if all(is_number(scores.get(name)) for scores in each)]
    return {name: Spread(tuple(scores[name] for scores in each)) for name in names}


def recorded(entry: Mapping[str, Any], *, split: str) -> dict[str, float]:
    """The numbers that training wrote down for one seed."""
    found = entry.get(split) or {}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def constant(run: Run) -> tuple[str, Mapping[str, float]] | None:
    """One answer to every row of the split shown, and its scores, which any model must beat.

    The commonest class, or, as training noted it, the median score.
    """
    predictions = next(iter(run.shown.values()), None)
    rows = [row for row in predictions.rows if row["target"] is not None] if predictions is not None else []
    if predictions is None or not rows or not all(isinstance(row["target"], str) for row in rows):
        return constant_answer(run.record, run.split or "")
    label = Counter(row["target"] for row in rows).most_common(1)[0][0]
    answered = Predictions(predictions.path, tuple({**row, "label": label} for row in rows))
    scores = label_scores(answered, labels=run.labels)
    return (f"always “{label}”", scores) if scores else None


def led_by(scores: Mapping[str, object], *, best: str | None = None) -> list[str]:
    """The metrics that a table shows: the usual ones of labels, else all that are not of one class; the chosen one first."""
    names = [name for name in MAIN if name in scores] or [name for name in scores if "/" not in name]
    names += [best] if best is not None and best in scores and best not in names else []
    return sorted(names, key=lambda name: name != best)
