from __future__ import annotations

from typing import Any

import pytest

from polysense.recipe.recipe import Evaluation
from polysense.training.stopping import best_evaluation, patience_is_spent

NAN = float("nan")


def evaluations(values: list[float]) -> list[dict[str, object]]:
    return [{"step": step, "metrics": {"weighted_f1": value}} for step, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "greater", "best"),
    [
        ([0.1, 0.3, 0.2], True, 1),
        ([0.3, 0.3], True, 0),
        ([0.3, 0.1, 0.1, 0.2], False, 1),
        ([0.5], True, 0),
        ([NAN, 0.1, 0.3, NAN], True, 2),
        ([NAN, NAN], False, 0),
    ],
)
def test_the_first_of_equals_is_the_best(values: list[float], greater: bool, best: int) -> None:
    assert best_evaluation(evaluations(values), Evaluation((), "weighted_f1", greater_is_better=greater)) == best


@pytest.mark.parametrize(
    ("values", "patience", "spent"),
    [
        ([], 1, False),
        ([0.5], 1, False),
        ([0.5, 0.5], 1, True),
        ([0.5, 0.4], 2, False),
        ([0.5, 0.4, 0.45], 2, True),
        ([0.5, 0.4, 0.6, 0.5], 2, False),
        ([0.5, 0.4, 0.3, 0.2], None, False),
        ([NAN, 0.1, 0.2, 0.3], 2, False),
    ],
)
def test_patience_counts_from_the_best(values: list[float], patience: int | None, spent: bool) -> None:
    assert patience_is_spent(evaluations(values), Evaluation((), "weighted_f1", patience=patience)) is spent


def test_patience_does_not_count_before_the_head_that_is_judged_has_learned_something() -> None:
    judged = Evaluation((), "MAE/text", greater_is_better=False, patience=1)
    silent: dict[str, Any] = {"metrics": {"MAE": 0.5, "MAE/text": NAN}, "untaught": ["text", "audio"]}
    heard = [{"metrics": {"MAE": 0.5, "MAE/text": value}, "untaught": ["audio"]} for value in (0.9, 0.8, 0.85)]
    assert not patience_is_spent([silent] * 3, judged)
    assert not patience_is_spent([silent, silent, *heard[:2]], judged)
    assert patience_is_spent([silent, silent, *heard], judged)
    assert best_evaluation([silent, silent, *heard], judged) == 3
    assert patience_is_spent([silent, silent], Evaluation((), "MAE", greater_is_better=False, patience=1))


def test_a_metric_that_is_not_there_is_worse_than_any() -> None:
    lines: list[dict[str, Any]] = [{"metrics": {}}, {"metrics": {"MAE/text": 9.0}}]
    assert best_evaluation(lines, Evaluation((), "MAE/text", greater_is_better=False)) == 1
