"""By whose rules a run's scores are measured, and whether these fit the scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from polysense.data.table import Table
from polysense.evaluation.sentiment import SentimentRegression
from polysense.metrics.sentiment import Dataset
from polysense.recipe import Recipe
from polysense.recipe.parts import Part

LIMITS: Mapping[Dataset, float] = {"mosi": 3.0, "sims": 1.0}
"""The largest score that rules are made for; the smallest is its opposite."""


def score_rules(recipe: Mapping[str, Any]) -> Dataset:
    """Those of the evaluator of a recipe as it is written down, or of MOSI where it has none."""
    for part in (recipe.get("evaluation") or {}).get("evaluators", ()):
        if part["class_path"] == SentimentRegression.__name__:
            return SentimentRegression(**part["init_args"]).dataset
    return "mosi"


def following(recipe: Recipe, table: Table) -> Recipe:
    """The recipe with the rules that fit the range of the table's scores, where it names none."""
    rules: Dataset = "sims" if table.score_range is not None and _largest(table.score_range) <= LIMITS["sims"] else "mosi"
    parts = tuple(
        replace(part, arguments={**part.arguments, "dataset": rules})
        if part.kind is SentimentRegression and part.arguments["dataset"] is None
        else part
        for part in recipe.evaluation.evaluators
    )
    return replace(recipe, evaluation=replace(recipe.evaluation, evaluators=parts))


def unfitting(recipe: Recipe, table: Table) -> list[str]:
    """A line for each evaluator whose rules are made for another scale than the table's scores."""
    parts = [part for part in recipe.evaluation.evaluators if part.kind is SentimentRegression]
    lines = (_unfitting(part, table) for part in parts)
    return [line for line in lines if line is not None]


def _unfitting(part: Part, table: Table) -> str | None:
    rules = part.build().dataset
    limit = LIMITS[rules]
    other: Dataset = "sims" if rules == "mosi" else "mosi"
    scale = f"are measured by the rules of {rules}, which are for scores from {-limit:g} to {limit:g}"
    if table.score_range is not None:
        least, most = table.score_range
        if (least, most) == (-limit, limit):
            return None
        return f"{table.name}: its scores, from {least:g} to {most:g}, {scale}{_instead(part, other, max(-least, most))}"
    scores = [abs(sample.score) for sample in table.samples if sample.score is not None]
    most = max(scores, default=limit)
    if most <= limit and (rules == "sims" or most > LIMITS["sims"]):
        return None
    return f"{table.name}: its scores, none of which is further than {most:g} from 0, {scale}{_instead(part, other, most)}"


def _instead(part: Part, other: Dataset, most: float) -> str:
    """What to do about it: the other rules are for scores up to ``most``, or no rules are."""
    if most > max(LIMITS.values()):
        return ": MAE and Corr mean what they say, the accuracies and sides do not"
    return f": train with --set {part.entry}.dataset={other}" if most <= LIMITS[other] else ""


def _largest(limits: tuple[float, float]) -> float:
    return max(map(abs, limits))
