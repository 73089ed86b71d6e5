from __future__ import annotations

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
