from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from polysense.errors import DataError, RecipeError
from polysense.evaluation.sentiment import SentimentRegression
from polysense.metrics.sentiment import msa_regression
from polysense.types import Prediction, Sample

TRUTH = (3.0, 0.0, 0.0, 1.0, -2.0, -0.4, -2.6, 0.6)
ANSWERS = (2.6, -0.4, 0.0, 1.5, -1.5, 0.2, -3.4, 0.5)


class Answers:
    """Answers what it was told; under ``more`` further columns."""

    def __init__(self, answers: Sequence[Any], *, column: str = "score", **more: Sequence[Any]) -> None:
        self.columns = {column: answers, **more}

    def predict(self, samples: Sequence[Sample]) -> Prediction:
        return Prediction({name: [answers[sample.index] for sample in samples] for name, answers in self.columns.items()})


def clips(scores: Sequence[float | None] = TRUTH) -> list[Sample]:
    return [Sample(id=f"clip{row}", text="a", score=score, index=row) for row, score in enumerate(scores)]


def measured(answers: Sequence[Any], samples: Sequence[Sample], **choices: Any) -> dict[str, float]:
    return SentimentRegression(**choices)(Answers(answers), samples)  # type: ignore[arg-type]


@pytest.mark.parametrize("dataset", ["mosi", "sims"])
def test_the_numbers_are_those_of_the_metric(dataset: Any) -> None:
    found = measured(ANSWERS, clips(), dataset=dataset)
    assert found == {**msa_regression(ANSWERS, TRUTH, dataset=dataset), "rows": 8.0}


def test_rows_without_a_score_or_an_answer_are_left_out() -> None:
    some = measured((*ANSWERS, None, 1.0), clips((*TRUTH, 1.0, None)))
    assert some == measured(ANSWERS, clips())
    assert measured(ANSWERS, clips((None,) * 8)) == {}


def test_details() -> None:
    found = measured(ANSWERS, clips(), details=True)
    assert found["Has0_confusion/negative/negative"] == 2
    assert found["Has0_confusion/negative/positive"] == 1
    assert found["Has0_confusion/positive/negative"] == 1
    assert found["Has0_confusion/positive/positive"] == 4
    assert found["Has0_precision/positive"] == pytest.approx(4 / 5)
    assert found["Non0_recall/negative"] == pytest.approx(2 / 3)
    assert sum(value for name, value in found.items() if name.startswith("Non0_confusion")) == 6
    sims = measured((0.0, 0.5), clips((0.2, 0.4)), dataset="sims", details=True)
    assert sims["Mult_acc_2_confusion/positive/negative"] == 1  # a prediction of 0 is negative


@pytest.mark.parametrize("dataset", ["mosi", "sims"])
def test_the_score_of_each_modality_is_measured_against_the_clips_where_nobody_scored_it(dataset: Any) -> None:
    text, audio = [score / 2 for score in TRUTH], [1.0, None, *TRUTH[2:]]
    found = SentimentRegression(dataset=dataset)(Answers(ANSWERS, score_text=text, score_audio=audio), clips())  # type: ignore[arg-type]
    expected = {"text": msa_regression(text, TRUTH, dataset=dataset)}
    expected["audio"] = msa_regression([1.0, *TRUTH[2:]], [TRUTH[0], *TRUTH[2:]], dataset=dataset)
    own = {f"{name}/{modality}": scores[name] for modality, scores in expected.items() for name in ("MAE", "Corr")}
    assert found == {**measured(ANSWERS, clips(), dataset=dataset), **own}


def test_what_people_scored_of_a_modality_is_what_it_is_measured_against() -> None:
    rows = [replace(sample, scores={"text": -1.0} if sample.index in (2, 3) else {}) for sample in clips()]
    found = SentimentRegression()(Answers(ANSWERS, score_text=[0.0] * 3 + [-2.0] * 5, score_audio=TRUTH), rows)  # type: ignore[arg-type]
    assert found["MAE/text"] == 1.0  # of two rows
    assert found["MAE/audio"] == 0.0
    with pytest.raises(DataError, match="clip2': the predicted score is not a number"):
        SentimentRegression()(Answers(ANSWERS, score_text=[float("nan")] * 8), rows)  # type: ignore[arg-type]


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(DataError, match="the row with id 'clip1': the predicted score is not a number"):
        measured((2.6, float("nan"), *ANSWERS[2:]), clips())
    with pytest.raises(RecipeError, match="needs an objective Regression"):
        SentimentRegression()(Answers(ANSWERS, column="label"), clips())  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="there is no 'mosei'; did you mean 'mosi'"):
        SentimentRegression(dataset="mosei")  # type: ignore[arg-type]
