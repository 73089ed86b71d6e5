from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from polysense.errors import DataError, RecipeError
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.tagging import Tagging
from polysense.objectives.span_tagging import SpanTagging
from polysense.types import Prediction, Sample, Span


class Asked:
    """In the place of an answerer: a tagger of two roles, and answers that are given."""

    def __init__(self, *answers: Sequence[tuple[int, int, str]], unread: int = 0) -> None:
        self.answers = [[{"start": start, "end": end, "role": role} for start, end, role in row] for row in answers]
        self.unread = unread
        self.active: dict[str, Any] = {"spans": SpanTagging({"text": 4}, roles=["holder", "target"])}

    @property
    def learner(self) -> Any:
        return self

    def predict(self, samples: Sequence[Sample]) -> Prediction:
        assert len(samples) == len(self.answers)
        return Prediction({"spans": self.answers, "unread": [self.unread] * len(samples)})


def measured(asked: Any, samples: Sequence[Sample]) -> dict[str, float]:
    assert not isinstance(asked, Answerer)
    return Tagging()(asked, samples)


TEXT = "Anna likes the red-ish lamp"
ROW = Sample(id="1", text=TEXT, spans=(Span(0, 4, "holder"), Span(15, 27, "target")), origin="posts.csv, row 1")


def test_exact_counts_characters_and_the_others_words() -> None:
    found = measured(Asked([(0, 4, "holder"), (23, 27, "target")]), [ROW])
    assert found["exact_f1/holder"] == found["binary_f1"] == 1
    assert found["exact_f1/target"] == 0
    assert found["exact_f1"] == 0.5
    assert found["proportional_precision/target"] == 1
    assert found["proportional_recall/target"] == pytest.approx(1 / 4)  # lamp, of: red - ish lamp
    assert found["proportional_f1/target"] == pytest.approx(0.4)
    inside = Sample(id="1", text=TEXT, spans=(Span(16, 18, "target"),))  # cuts through a word, which no answer does
    found = measured(Asked([(15, 18, "target")]), [inside])
    assert (found["exact_f1"], found["proportional_f1"], found["binary_f1"]) == (0, 1, 1)


def test_chinese_counts_characters() -> None:
    row = Sample(id="1", text="红色的灯很好", spans=(Span(0, 4, "target"),))
    found = measured(Asked([(3, 5, "target")]), [row])
    assert found["proportional_precision"] == pytest.approx(1 / 2)
    assert found["proportional_recall"] == pytest.approx(1 / 4)


def test_rows_that_are_not_marked_are_left_out() -> None:
    others = [Sample(id="2", text="no"), Sample(id="3", spans=())]
    assert measured(Asked([(0, 4, "holder"), (15, 27, "target")]), [ROW, *others])["exact_f1"] == 1
    assert measured(Asked(), others) == {}
    nothing = Sample(id="4", text="no", spans=())
    assert measured(Asked([], [(0, 2, "target")]), [ROW, nothing])["exact_precision"] == 0


def test_what_was_not_read_is_told() -> None:
    evaluator, asked = Tagging(), Asked([], [], unread=3)
    with pytest.warns(UserWarning, match=r"6 words of 2 texts lie behind encoders\.text\.max_length"):
        evaluator(asked, [ROW, ROW])  # type: ignore[arg-type]
    evaluator(asked, [ROW, ROW])  # type: ignore[arg-type]  # once: a second warning is an error here


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(DataError, match=r"posts\.csv, row 1, spans: 'other' is not a role"):
        measured(Asked([]), [Sample(id="1", text=TEXT, spans=(Span(0, 4, "other"),), origin="posts.csv, row 1")])
    asked = Asked([])
    asked.active = {}
    with pytest.raises(RecipeError, match="Tagging needs an objective SpanTagging"):
        measured(asked, [ROW])
