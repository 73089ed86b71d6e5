"""Is one model better than another by what an evaluator asks both? For embeddings, which leave no predictions to compare.

Both are asked about the same pairs or queries, seed by seed; the difference is ``other - base``, with the interval of
:mod:`polysense.training.comparison`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polysense.errors import DataError, RecipeError, display
from polysense.evaluation.evaluator import Comparable, Difference
from polysense.inference.measure import Plan, Question, Reading, as_reading, questions, refuse_options, refuse_unfit
from polysense.inference.predictor import Predictor
from polysense.inference.sources import models
from polysense.metrics.names import metric_choices
from polysense.progress import say
from polysense.recipe.parts import find_evaluator
from polysense.training.compared import Comparison, cautions
from polysense.training.predictions import listed
from polysense.types import Sample


@dataclass(frozen=True, slots=True)
class Arm:
    """A run or a single model, and what the evaluator found of each of its models."""

    name: str
    models: Sequence[tuple[int | None, str]]
    """Seed and folder; no seed where it is a model that nobody trained here."""

    @property
    def seeds(self) -> list[int]:
        """Those that it has."""
        return [seed for seed, _ in self.models if seed is not None]

    def of(self, seeds: Sequence[int]) -> list[str]:
        """The model of each seed; a model without one stands for itself, once."""
        by_seed = {seed: model for seed, model in self.models if seed is not None}
        return [by_seed[seed] for seed in seeds] if by_seed else [self.models[0][1]]


def compare_models(
    base: str | Path,
    other: str | Path,
    evaluator: str | Comparable[Any],
    data: str | Path | Reading,
    *,
    metrics: Sequence[str] | None = None,
    resamples: int = 5000,
    seed: int = 0,
    trust_recipe_code: bool = False,
) -> dict[str, Comparison]:
    """Compare two runs, or single models, by each metric of an evaluator; ``metrics`` names some.

    Of two runs the seeds that both have are compared. A model that was not trained here (``minilm``) is the same for every seed of
    the other.

    Args:
        base: a run, a saved model, a Hugging Face id, or ``minilm``.
        other: likewise.
        evaluator: asks both; by name, with arguments if any (``"sts"``, ``"retrieval:rerank=20"``), or made.
        data: what it asks about: the folder of its own sets, or a table that neither was trained on; a
            :class:`~polysense.inference.measure.Reading` says how it is read.
        metrics: to compare by; all by default.
        resamples: draws of seeds and rows.
        seed: of the draws.
        trust_recipe_code: run the code outside polysense that a model's recipe names.

    Raises:
        DataError: no seed is common, the two held different rows out, or nothing can be compared.
        RecipeError: there is no such model or metric, or a model cannot do what is asked.
    """
    reading = as_reading(data)
    evaluator = comparable(evaluator) if isinstance(evaluator, str) else evaluator
    plan = Plan(evaluator, evaluator.read(reading.data))
    refuse_options(reading, [plan])
    arms = [Arm(str(source), models(source)) for source in (base, other)]
    seeds, notes = _common_seeds(*arms)
    for arm in arms:  # before either is asked about many rows
        first = Predictor.from_pretrained(arm.of(seeds)[0], trust_recipe_code=trust_recipe_code)
        refuse_unfit(first, arm.name, [evaluator])
    asked: Question | None = None
    found: list[list[Any]] = []
    for arm in arms:
        outcomes: list[Any] = []
        for model in arm.of(seeds):
            say(f"asking {display(model)}")
            predictor = Predictor.from_pretrained(model, trust_recipe_code=trust_recipe_code)
            if asked is None or (not outcomes and plan.benchmark is None):
                [own] = questions(predictor, Path(arm.name), [plan], reading)
                _refuse_other_rows(asked, own, arms)
                asked = own
            outcomes.append(predictor.outcomes(asked.samples, evaluator))
            if not found and len(outcomes) == 1:
                _refuse_unknown(metrics or (), evaluator.differences(outcomes, outcomes, resamples=1, seed=seed))
        found.append(outcomes)
    assert asked is not None
    times = max(1, len(seeds))
    before, after = (outcomes if len(outcomes) == times else outcomes * times for outcomes in found)
    differences = evaluator.differences(before, after, resamples=resamples, seed=seed)
    return {
        name: Comparison.of(
            name,
            one,
            split=asked.split or plan.name,
            seeds=seeds,
            rows=rows,
            resamples=resamples,
            notes=notes,
            units=evaluator.units,
        )
        for name, (one, rows) in differences.items()
        if metrics is None or name in metrics
    }


def comparable(name: str) -> Comparable[Any]:
    """An evaluator that models are compared by, by its name.

    Raises:
        RecipeError: there is none of that name, or it compares nothing.
    """
    found = find_evaluator(name)
    if not isinstance(found, Comparable):
        raise RecipeError(f"the evaluator {name!r}: models are compared by sts, retrieval, captioning and summarizing")
    return found


def _refuse_unknown(metrics: Sequence[str], there: Mapping[str, Difference]) -> None:
    """Raise where a metric is asked for that the evaluator does not give; said before all other models are asked."""
    for name in metrics:
        if name not in there:
            raise RecipeError(f"no metric {name!r}: {metric_choices(name, there)}")


def _common_seeds(base: Arm, other: Arm) -> tuple[list[int], list[str]]:
    """The seeds to compare on, none for two single models that have none, and what a reader must know of them."""
    before, after = base.seeds, other.seeds
    if not (before and after):
        seeds = before or after
        fixed = [f"{arm.name} is one model, the same for every seed" for arm in (base, other) if not arm.seeds and seeds]
        return seeds, [*fixed, *cautions(seeds)] if seeds else ["two single models: only the rows were resampled"]
    seeds = [seed for seed in before if seed in after]
    if not seeds:
        raise DataError(f"no seed in common: {base.name} has {listed(before)}, {other.name} has {listed(after)}")
    differ = (
        [f"compared on the common seeds {listed(seeds)} ({listed(before)} against {listed(after)})"] if before != after else []
    )
    return seeds, [*differ, *cautions(seeds)]


def _refuse_other_rows(one: Question | None, two: Question, arms: Sequence[Arm]) -> None:
    """Raise where the two would be asked about different rows."""
    if one is not None and list(map(_row, one.samples)) != list(map(_row, two.samples)):
        raise DataError(
            f"{arms[0].name} and {arms[1].name} cannot be asked about the same rows: of the table, {len(one.samples)} rows are "
            f"for the one, and {len(two.samples)} others for the other, which trained on different rows of it; "
            "name a table with a column 'split' that neither was trained on"
        )


def _row(sample: Sample) -> tuple[str, str | None]:
    return sample.id, sample.text
