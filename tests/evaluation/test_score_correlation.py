from __future__ import annotations

import pytest

from polysense.errors import RecipeError
from polysense.evaluation.score_correlation import ScoreCorrelation
from polysense.types import Prediction, Sample


class Scored:
    """Answers what the test says."""

    def __init__(self, columns: dict[str, list[float | None]]) -> None:
        self.columns = columns

    def predict(self, samples: list[Sample]) -> Prediction:
        return Prediction({name: values[: len(samples)] for name, values in self.columns.items()})


ROWS = [Sample(id=str(score), text="x", score=score) for score in (0.0, 1.0, 2.0, 4.0)]


def test_both_correlations_over_the_rows_that_are_answered() -> None:
    answers: list[float | None] = [1.0, 2.0, None, 9.0]
    found = ScoreCorrelation()(Scored({"score": answers}), [*ROWS, Sample(id="none", text="x")])  # type: ignore[arg-type]
    assert found["spearman"] == pytest.approx(100.0)
    assert found["pearson"] == pytest.approx(99.18698, abs=1e-3)
    assert found["rows"] == 3.0


def test_without_scores_there_is_nothing_to_say() -> None:
    assert ScoreCorrelation()(Scored({}), [Sample(id="1", text="x")]) == {}  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="needs an objective Regression"):
        ScoreCorrelation()(Scored({"label": []}), ROWS)  # type: ignore[arg-type]
