from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from polysense.errors import DataError, RecipeError
from polysense.evaluation.classification_report import ClassificationReport
from polysense.objectives.classification import Classification
from polysense.types import Prediction, Sample


class Answers:
    """Stands for an answerer: answers each sample by its text."""

    def __init__(self, *heads: Any) -> None:
        self.learner = SimpleNamespace(active=dict(enumerate(heads)))
        self.asked: list[str] = []

    def predict(self, samples: Sequence[Sample]) -> Prediction:
        self.asked += [sample.id for sample in samples]
        labels = [answer_of(sample) for sample in samples]
        chances = [{name: 0.8 if name == label else 0.1 for name in "abc"} for label in labels]
        return Prediction({"label": labels, "probabilities": chances})


def answer_of(sample: Sample) -> str | tuple[str, ...]:
    assert sample.text is not None
    return tuple(sample.text.split()) if isinstance(sample.label, tuple) else sample.text


def rows(*pairs: tuple[Any, str]) -> list[Sample]:
    return [
        Sample(id=str(number), label=label, text=answer, origin=f"posts.csv, row {number}")
        for number, (label, answer) in enumerate(pairs, start=1)
    ]


def head(**choices: Any) -> Classification:
    return Classification({"fused": 2}, labels=["a", "b", "c"], **choices)


def test_by_hand() -> None:
    answers = Answers(object(), head())
    found = ClassificationReport()(answers, rows(("a", "a"), ("a", "b"), ("b", "b"), (None, "c"), ("b", "b"), ("c", "a")))
    assert answers.asked == ["1", "2", "3", "5", "6"]  # the unlabelled row is left out
    assert found["accuracy"] == pytest.approx(3 / 5)
    f1 = {"a": 2 * 1 / (2 + 2), "b": 2 * 2 / (3 + 2), "c": 0.0}  # 2 hits / (answered + true)
    for label, value in f1.items():
        assert found[f"f1/{label}"] == pytest.approx(value)
    assert found["macro_f1"] == pytest.approx(sum(f1.values()) / 3)
    assert found["weighted_f1"] == pytest.approx((2 * f1["a"] + 2 * f1["b"] + f1["c"]) / 5)
    assert found["macro_precision"] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert found["macro_recall"] == pytest.approx((1 / 2 + 2 / 2 + 0) / 3)
    assert found["ece"] == pytest.approx(0.8 - 3 / 5)  # all rows are answered with 80 %
    assert list(found).index("ece") < list(found).index("f1/a")


def test_several_labels() -> None:
    pairs = ((("a", "b"), "a b"), (("a",), "b"), ((), "c"))
    found = ClassificationReport()(Answers(head(multi_label=True)), rows(*pairs))
    assert found["subset_accuracy"] == pytest.approx(1 / 3)
    assert found["micro_f1"] == pytest.approx(2 * 2 / (4 + 3))
    # The stub gives .1 to what it answers with others: a is true twice, b once, c never, of three rows with .1 each.
    assert found["ece"] == pytest.approx(((2 / 3 - 0.1) + (1 / 3 - 0.1) + 0.1) / 3)


def test_nothing_to_say_without_labels() -> None:
    assert ClassificationReport()(Answers(head()), rows((None, "a"))) == {}
    assert ClassificationReport()(Answers(head()), []) == {}


def test_a_label_that_the_model_does_not_know_names_its_row() -> None:
    with pytest.raises(DataError, match=r"posts\.csv, row 2, label: 'd' is not a class of the recipe"):
        ClassificationReport()(Answers(head()), rows(("a", "a"), ("d", "a")))
    with pytest.raises(DataError, match=r"posts\.csv, row 1, label: 2 labels in one row"):
        ClassificationReport()(Answers(head()), rows((("a", "b"), "a")))


def test_a_model_that_does_not_classify_is_a_recipe_error() -> None:
    with pytest.raises(RecipeError, match="needs an objective Classification"):
        ClassificationReport()(Answers(object()), rows(("a", "a")))
