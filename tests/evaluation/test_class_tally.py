from __future__ import annotations

from polysense.evaluation.class_tally import ClassTally
from polysense.evaluation.thresholded import by_threshold
from polysense.metrics.classification import classification_metrics, multilabel_metrics

LABELS = ["a", "b", "c"]


def test_row_by_row_is_all_at_once() -> None:
    targets, answers = ["a", "b", "b", "c"], ["a", "b", "c", "a"]
    tally = ClassTally(LABELS, several=False)
    for target, answer in zip(targets, answers, strict=True):
        tally.add([target], [answer])
    assert tally.metrics() == classification_metrics(targets, answers, labels=LABELS)
    assert tally.rows == 4


def test_several_labels_a_row() -> None:
    targets, answers = [("a", "b"), (), ("c",)], [("a",), (), ("b", "c")]
    tally = ClassTally(LABELS, several=True)
    for target, answer in zip(targets, answers, strict=True):
        tally.add(target, answer)
    assert tally.metrics() == multilabel_metrics(targets, answers, labels=LABELS)


def test_other_labels_are_told_and_not_counted() -> None:
    tally = ClassTally(LABELS, several=False)
    tally.add(["a"], ["a"])
    tally.add(["d"], ["a"])
    assert (tally.rows, tally.unknown, tally.metrics()["accuracy"]) == (1, {"d": 1}, 1.0)


def test_whether_thresholds_decided() -> None:
    chances = {"a": 0.5, "b": 0.5, "c": 0.2}
    assert not any(by_threshold({"label": label, "probabilities": chances}) for label in "ab")
    assert by_threshold({"label": "c", "probabilities": chances})
    assert not by_threshold({"label": ["b", "a"], "probabilities": chances})
    assert by_threshold({"label": ["a"], "probabilities": chances})
    assert by_threshold({"label": (), "probabilities": chances})
    assert not by_threshold({"label": "a", "probabilities": None})
    assert not by_threshold({"score": 0.3})
