from __future__ import annotations

import pytest

from polysense.training.baseline import median_score, most_frequent
from polysense.types import Sample


def rows(*labels: str | tuple[str, ...] | None) -> list[Sample]:
    return [Sample(id=str(number), label=label) for number, label in enumerate(labels)]


def test_the_commonest_class_of_the_labelled_rows_is_scored() -> None:
    found = most_frequent(rows("a", "b", "b", None, None, None, "b"), ["a", "b", "c"])
    assert found["label"] == "b"
    f1 = 2 * 3 / (4 + 3)
    assert found["metrics"]["accuracy"] == pytest.approx(3 / 4)
    assert found["metrics"]["weighted_f1"] == pytest.approx(f1 * 3 / 4)
    assert found["metrics"]["macro_f1"] == pytest.approx(f1 / 3)
    assert not any("/" in name for name in found["metrics"])


@pytest.mark.parametrize("labels", [[None], [("a", "b")], ["a", ("b",)], ["unknown"], []])
def test_where_there_is_no_such_class_there_is_nothing(labels: list) -> None:
    assert most_frequent(rows(*labels), ["a", "b"]) == {}


def scored(*scores: float | None) -> list[Sample]:
    return [Sample(id=str(number), score=score) for number, score in enumerate(scores)]


def test_the_median_of_the_training_scores_is_scored_on_other_rows() -> None:
    found = median_score(scored(-3.0, 1.0, None, 2.0), scored(2.0, None, -1.0), dataset="mosi")
    assert found["score"] == 1.0
    assert found["metrics"]["MAE"] == pytest.approx(1.5)
    assert found["metrics"]["Has0_acc_2"] == 0.5
    assert "Corr" not in found["metrics"]


@pytest.mark.parametrize(("training", "rows"), [([None], [1.0]), ([1.0], [None]), ([], [])])
def test_without_scores_there_is_no_median(training: list[float | None], rows: list[float | None]) -> None:
    assert median_score(scored(*training), scored(*rows), dataset="sims") == {}
