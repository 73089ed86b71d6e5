"""By whose rules a run's scores are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polysense.evaluation.sentiment import SentimentRegression
from polysense.metrics.sentiment import Dataset


def score_rules(recipe: Mapping[str, Any]) -> Dataset:
    """Those of the evaluator of a recipe as it is written down, or of MOSI where it has none."""
    for part in (recipe.get("evaluation") or {}).get("evaluators", ()):
        if part["class_path"] == SentimentRegression.__name__:
            return SentimentRegression(**part["init_args"]).dataset
    return "mosi"
