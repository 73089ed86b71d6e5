"""What a model must beat: what a constant answer and the words of the texts reach without a neural network."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

TFIDF = "TF-IDF and logistic regression on the texts alone"
"""The name of ``references.tfidf_text`` of a run's record."""


def tfidf_scores(record: Mapping[str, Any]) -> Mapping[str, float]:
    """Its metrics on the rows that the run is scored on; empty where it has none, or could not answer each of them."""
    found = (record.get("references") or {}).get("tfidf_text")
    if not found:
        return {}
    split = scored_split(record)
    labelled = ((record.get("data") or {}).get("labelled") or {}).get(split, found["rows"])
    metrics: Mapping[str, float] = found["metrics"] if found["rows"] == labelled else {}
    return metrics


def scored_split(record: Mapping[str, Any]) -> str:
    """Test where the run was scored on test, else validation."""
    return "test" if any(result.get("test") for result in record.get("per_seed", ())) else "validation"


def floors(record: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    """Name -> metrics on the scored split of what a model must beat: the most frequent class given to every row, and TF-IDF."""
    found: dict[str, Mapping[str, float]] = {}
    constant = (record.get("most_frequent") or {}).get(scored_split(record))
    if constant:
        found[f"always {constant['label']!r}"] = constant["metrics"]
    if rival := tfidf_scores(record):
        found[TFIDF] = rival
    return found


def outdone(record: Mapping[str, Any]) -> list[str]:
    """A sentence for each floor that is better than the run, by the metric that chose its weights, or else by accuracy."""
    split = scored_split(record)
    results = [result.get(split) or {} for result in record.get("per_seed", ())]
    said = []
    for name, floor in floors(record).items():
        metric = next((metric for metric in (record.get("best_metric"), "accuracy") if metric in floor), None)
        if metric is None or not results or not all(metric in result for result in results):
            continue
        own = fmean(result[metric] for result in results)
        if floor[metric] > own:
            said.append(
                f"{name[0].upper()}{name[1:]} is better than this model: {metric} {floor[metric]:.4f}, the model {own:.4f}."
            )
    return said
