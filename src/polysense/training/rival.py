"""What a model must beat: what a constant answer and the words of the texts reach without a neural network."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from polysense.metrics.names import lower_is_better

TFIDF = "TF-IDF and logistic regression on the texts alone"

REFERENCES = {
    "tfidf_text": TFIDF,
    "tfidf_ridge": "TF-IDF and ridge regression on the texts alone",
    "means_ridge": "ridge regression on counts of words and means of frames",
}
"""What stands under ``references`` in a run's record, in words."""


def simple_rivals(record: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    """By its name in words: metrics of what learned without a neural network, on the rows that the run is scored on; TF-IDF first.

    One that could not answer each of these rows is left out.
    """
    labelled = ((record.get("data") or {}).get("labelled") or {}).get(scored_split(record))
    found = (record.get("references") or {}).items()
    return {
        REFERENCES[name]: one["metrics"]
        for name, one in found
        if name in REFERENCES and one["rows"] == (labelled or one["rows"])
    }


def tfidf_scores(record: Mapping[str, Any]) -> Mapping[str, float]:
    """The metrics of the one of :func:`simple_rivals` that there is; empty where there is none."""
    return next(iter(simple_rivals(record).values()), {})


def scored_split(record: Mapping[str, Any]) -> str:
    """Test where the run was scored on test, else validation."""
    return "test" if any(result.get("test") for result in record.get("per_seed", [record])) else "validation"


def constant_answer(record: Mapping[str, Any], split: str) -> tuple[str, Mapping[str, float]] | None:
    """What one answer to every row of a split reaches, and its name: the most frequent class, or the median score of the training.

    None where nobody noted it, or rows have neither.
    """
    if constant := (record.get("most_frequent") or {}).get(split):
        return f"always “{constant['label']}”", constant["metrics"]
    if constant := (record.get("median_score") or {}).get(split):
        score = f"{round(constant['score'], 2) + 0.0:.2f}".replace("-", "−")
        return f"always {score}, the median", constant["metrics"]
    return None


def floors(record: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    """Name -> metrics on the scored split of what a model must beat: a constant answer, and TF-IDF."""
    found: dict[str, Mapping[str, float]] = {}
    if constant := constant_answer(record, scored_split(record)):
        found[constant[0]] = constant[1]
    return found | simple_rivals(record)


def outdone(record: Mapping[str, Any]) -> list[str]:
    """A sentence for each floor that is better than the run, by the metric that chose its weights, or else by accuracy or MAE."""
    split = scored_split(record)
    results = [result.get(split) or {} for result in record.get("per_seed", ())]
    said = []
    for name, floor in floors(record).items():
        metric = next((metric for metric in (record.get("best_metric"), "accuracy", "MAE") if metric in floor), None)
        if metric is None or not results or not all(metric in result for result in results):
            continue
        own = fmean(result[metric] for result in results)
        if floor[metric] < own if lower_is_better(metric) else floor[metric] > own:
            said.append(
                f"{name[0].upper()}{name[1:]} is better than this model: {metric} {floor[metric]:.4f}, the model {own:.4f}."
            )
    return said
