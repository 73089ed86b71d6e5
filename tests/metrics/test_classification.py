from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from polysense.metrics.classification import classification_metrics, confusion, multilabel_metrics

LABELS = ["a", "b", "c", "d"]
pairs = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=30)
sets = st.sets(st.sampled_from(LABELS))


@settings(deadline=None)
@given(pairs)
def test_agrees_with_scikit_learn(rows: list[tuple[str, str]]) -> None:
    targets, predictions = zip(*rows, strict=True)
    ours = classification_metrics(targets, predictions, labels=LABELS)
    options = {"labels": LABELS, "zero_division": 0.0}
    macro = precision_recall_fscore_support(targets, predictions, average="macro", **options)
    weighted = precision_recall_fscore_support(targets, predictions, average="weighted", **options)
    each = precision_recall_fscore_support(targets, predictions, **options)
    assert ours["accuracy"] == pytest.approx(accuracy_score(targets, predictions))
    assert [ours["macro_precision"], ours["macro_recall"], ours["macro_f1"]] == pytest.approx(list(macro[:3]))
    assert ours["weighted_f1"] == pytest.approx(weighted[2])
    for name, values in zip(("precision", "recall", "f1", "support"), each, strict=True):
        assert [ours[f"{name}/{label}"] for label in LABELS] == pytest.approx(list(values))
    np.testing.assert_array_equal(
        confusion(targets, predictions, labels=LABELS), confusion_matrix(targets, predictions, labels=LABELS)
    )


@settings(deadline=None)
@given(st.lists(st.tuples(sets, sets), min_size=1, max_size=20))
def test_several_labels_agree_with_scikit_learn(rows: list[tuple[set[str], set[str]]]) -> None:
    targets, predictions = zip(*rows, strict=True)
    ours = multilabel_metrics(targets, predictions, labels=LABELS)
    truth, answer = (np.array([[label in names for label in LABELS] for names in side]) for side in (targets, predictions))
    for average in ("micro", "macro", "weighted"):
        assert ours[f"{average}_f1"] == pytest.approx(f1_score(truth, answer, average=average, zero_division=0.0))
    assert ours["subset_accuracy"] == pytest.approx((truth == answer).all(axis=1).mean())


def test_a_class_that_is_never_predicted_counts_zero() -> None:
    metrics = classification_metrics(["a", "b"], ["a", "a"], labels=["a", "b"])
    assert metrics["precision/b"] == metrics["recall/b"] == metrics["f1/b"] == 0
    assert metrics["macro_f1"] == pytest.approx(1 / 3)
    assert metrics["support/b"] == 1


def test_a_label_that_is_not_in_the_list_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown label 'posittive'.*did you mean 'positive'"):
        classification_metrics(["positive"], ["posittive"], labels=["positive", "negative"])


@pytest.mark.parametrize("function", [classification_metrics, confusion])
def test_lists_of_different_lengths_are_refused(function: object) -> None:
    with pytest.raises(ValueError, match="2 targets but 1 predictions"):
        function(["a", "b"], ["a"], labels=LABELS)  # type: ignore[operator]


def test_a_text_is_not_a_set_of_labels() -> None:
    with pytest.raises(ValueError, match="several labels are a list"):
        multilabel_metrics(["ab"], [["a"]], labels=LABELS)
