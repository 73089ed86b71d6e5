from __future__ import annotations

from typing import Any

import pytest

from polysense.training.rival import TFIDF, constant_answer, floors, outdone, tfidf_scores


def record(own: list[float], rival: float, **more: Any) -> dict[str, Any]:
    return {
        "best_metric": "weighted_f1",
        "per_seed": [{"test": {"weighted_f1": value, "accuracy": value}, "validation": {}} for value in own],
        "references": {"tfidf_text": {"rows": 10, "metrics": {"weighted_f1": rival, "accuracy": 0.1}}},
        "data": {"labelled": {"test": 10}},
    } | more


def test_the_better_one_is_told_by_the_metric_that_chose() -> None:
    (said,) = outdone(record([0.6, 0.7], 0.66))
    assert said.startswith("TF-IDF and logistic regression on the texts alone is better than this model")
    assert said.endswith("weighted_f1 0.6600, the model 0.6500.")
    assert outdone(record([0.6, 0.7], 0.64)) == []


def test_a_constant_answer_must_be_beaten_too() -> None:
    constant = {"label": "positive", "metrics": {"weighted_f1": 0.7, "accuracy": 0.5}}
    found = record([0.6, 0.7], 0.64, most_frequent={"test": constant, "validation": None})
    assert list(floors(found)) == ["always “positive”", TFIDF]
    assert outdone(found) == ["Always “positive” is better than this model: weighted_f1 0.7000, the model 0.6500."]


def test_another_choosing_metric_gives_way_to_accuracy() -> None:
    (said,) = outdone(record([0.05], 0.9, best_metric="last"))
    assert said.endswith("accuracy 0.1000, the model 0.0500.")


@pytest.mark.parametrize(("own", "better"), [([0.8, 1.0], True), ([0.7, 0.8], False)])
def test_of_errors_the_lower_is_better(own: list[float], better: bool) -> None:
    results = [{"test": {"MAE": value, "Has0_acc_2": 0.1}, "validation": {}} for value in own]
    median = {"test": {"score": 0.4, "metrics": {"MAE": 0.85, "Has0_acc_2": 0.6}}}
    found = {"best_metric": "MAE", "greater_is_better": False, "per_seed": results, "median_score": median}
    assert list(floors(found)) == ["always 0.40, the median"]
    said = ["Always 0.40, the median is better than this model: MAE 0.8500, the model 0.9000."] if better else []
    assert outdone(found) == outdone(found | {"best_metric": "last"}) == said


@pytest.mark.parametrize("more", [{"references": {}}, {"references": None}, {"data": {"labelled": {"test": 12}}}])
def test_nothing_is_said_of_no_reference_or_one_on_other_rows(more: dict[str, Any]) -> None:
    assert tfidf_scores(record([0.1], 0.9, **more)) == {}
    assert outdone(record([0.1], 0.9, **more)) == []


def test_validation_counts_where_there_is_no_test() -> None:
    found = record(
        [0.1], 0.9, per_seed=[{"test": {}, "validation": {"weighted_f1": 0.2}}], data={"labelled": {"validation": 10}}
    )
    assert "the model 0.2000" in outdone(found)[0]


@pytest.mark.parametrize(("score", "said"), [(-0.084, "−0.08"), (-0.001, "0.00"), (2, "2.00")])
def test_the_median_is_written_with_two_digits(score: float, said: str) -> None:
    found = constant_answer({"median_score": {"test": {"score": score, "metrics": {}}}}, "test")
    assert found == (f"always {said}, the median", {})
