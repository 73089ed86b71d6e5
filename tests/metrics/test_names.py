from __future__ import annotations

import pytest

from polysense.metrics.classification import classification_metrics
from polysense.metrics.names import lower_is_better, metric_choices


def test_all_metrics_are_named_and_those_of_classes_by_kind() -> None:
    there = classification_metrics(["a", "b"], ["a", "b"], labels=["a", "b"])
    assert metric_choices("f1/A", there) == (
        "did you mean 'f1/b'? valid: 'accuracy', 'weighted_f1', 'macro_f1', 'macro_precision', 'macro_recall', 'f1/...', "
        "'precision/...', 'recall/...', 'support/...'; in place of the dots 'a', 'b'"
    )


def test_of_many_classes_some_are_named() -> None:
    said = metric_choices("acc", ["accuracy", *(f"f1/{number}" for number in range(30))])
    assert said == (
        "did you mean 'accuracy'? valid: 'accuracy', 'f1/...'; in place of the dots '0', '1', '2', '3', '4', '5', '6', '7', ..."
    )


def test_without_parts_names_are_listed() -> None:
    assert metric_choices("x", ["MAE", "Corr"]) == "valid: 'MAE', 'Corr'"


@pytest.mark.parametrize(
    ("metric", "less"),
    [
        ("MAE", True),
        ("MAE/text", True),
        ("ece", True),
        ("language_loss", True),
        ("perplexity", True),
        ("summary_perplexity", True),
        ("text_to_image_reranked_median_rank", True),
        ("STS-B dev uniformity", True),
        ("batched alignment", True),
        ("dropout_geometry", True),
        ("macro_f1", False),
        ("recall/loss", False),
        ("precision", False),
        ("STS-B dev", False),
        ("text_to_image_R@10", False),
        ("above_word", False),
    ],
)
def test_of_which_metrics_less_is_better(metric: str, less: bool) -> None:
    assert lower_is_better(metric) is less
