"""Answers that are all alike are found, of classes and of scores; every row counts once."""

from __future__ import annotations

from typing import Any

import pytest

from polysense.evaluation.one_answer import Answers, in_words, only_answers
from polysense.types import Prediction, Sample


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (["a", "a", None, "a"], [{"answer": "a", "rows": 3}]),
        (["a", "a", "b"], []),
        (["a"], []),
        ([None, None], []),
        ([], []),
        ([("a", "b"), ("b", "a")], [{"answer": ("a", "b"), "rows": 2}]),
        ([(), ()], [{"answer": (), "rows": 2}]),
        ([("a",), ()], []),
        ([0.5, 0.5004, 0.4996], [{"answer": 0.5, "rows": 3}]),
        ([0.5, 0.502], []),
        ([0, 0], [{"answer": 0, "rows": 2}]),
    ],
)
def test_answers_that_are_all_alike(answers: list[Any], found: list[dict[str, Any]]) -> None:
    assert only_answers({"label": answers}) == found


def test_each_kind_of_answer_is_looked_at_by_itself() -> None:
    assert only_answers({"label": ["a", "b"], "score": [1.0, 1.0]}) == [{"answer": 1.0, "rows": 2}]


def test_answers_in_words() -> None:
    assert [in_words(one) for one in ("neutral", ["joy", "fear"], (), 0.41249, 0)] == [
        *("'neutral'", "'joy', 'fear'", "no class", "0.412", "0.000")
    ]


def test_a_row_that_is_asked_about_twice_counts_once() -> None:
    answers = Answers()
    rows = [Sample(id=name, text="x") for name in "abc"]
    answers(rows, Prediction({"label": ["x"] * 3, "probabilities": [1.0] * 3}))
    answers(rows[:2], Prediction({"label": ["x"] * 2}))
    answers(rows, Prediction({"match": [True] * 3}))
    assert answers.only() == [{"answer": "x", "rows": 3}]
    answers(rows[2:], Prediction({"label": ["y"]}))
    assert answers.only() == []
