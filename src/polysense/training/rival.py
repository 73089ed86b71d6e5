"""What the words of the texts reach without a neural network, beside what a run reaches."""

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


def outdone(record: Mapping[str, Any]) -> str:
    """That TF-IDF is better than the run by the metric that chose its weights, or else by accuracy; empty where it is not."""
    rival, split = tfidf_scores(record), scored_split(record)
    results = [result.get(split) or {} for result in record.get("per_seed", ())]
    metric = next((name for name in (record.get("best_metric"), "accuracy") if name in rival), None)
    if metric is None or not results or not all(metric in result for result in results):
        return ""
    own = fmean(result[metric] for result in results)
    if rival[metric] <= own:
        return ""
    return f"{TFIDF} is better than this model: {metric} {rival[metric]:.4f}, the model {own:.4f}. It takes seconds and no encoder."
