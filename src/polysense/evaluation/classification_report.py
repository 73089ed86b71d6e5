"""Accuracy, F1 and their kin on labelled rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from polysense.data.table import classes
from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.metrics.calibration import classwise_calibration_error, expected_calibration_error
from polysense.metrics.classification import classification_metrics, multilabel_metrics
from polysense.objectives.classification import Classification, refuse_other_labels
from polysense.types import Sample


class ClassificationReport(Evaluator):
    """``accuracy, weighted_f1, macro_f1, macro_precision, macro_recall, ece`` and per class ``f1/<label>``, ...

    ``ece`` is the expected calibration error of the probabilities; less is better. Where a row may have several labels it is that of
    each label, averaged over them, and ``subset_accuracy`` and ``micro_f1`` stand in place of ``accuracy``.
    Unlabelled rows are left out; a DataError names a row whose label the model does not know.
    """

    target = "label"

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Predict and score."""
        labelled = [sample for sample in samples if sample.label is not None]
        if not labelled:
            return {}
        head = next((one for one in answerer.learner.active.values() if isinstance(one, Classification)), None)
        if head is None:
            raise RecipeError("evaluation.evaluators: ClassificationReport needs an objective Classification of weight above 0")
        refuse_other_labels(labelled, head.labels, several=head.multi_label)
        columns = answerer.predict(labelled).columns
        targets = [classes(sample) for sample in labelled]
        if head.multi_label:
            return multi_label_report(targets, columns["label"], columns["probabilities"], labels=head.labels)
        return single_label_report(
            [target for (target,) in targets], columns["label"], columns["probabilities"], labels=head.labels
        )


def single_label_report(
    targets: Sequence[str], answers: Sequence[str], chances: Sequence[Mapping[str, float]], *, labels: Sequence[str]
) -> dict[str, float]:
    """The metrics of rows with one label each, from what was answered and with which probabilities."""
    scores = classification_metrics(targets, answers, labels=labels)
    return _with_error(
        scores, expected_calibration_error(_table(chances, labels), [labels.index(target) for target in targets])
    )


def multi_label_report(
    targets: Sequence[Collection[str]],
    answers: Sequence[Collection[str]],
    chances: Sequence[Mapping[str, float]],
    *,
    labels: Sequence[str],
) -> dict[str, float]:
    """Likewise of rows with any number of labels each."""
    scores = multilabel_metrics(targets, answers, labels=labels)
    truth = [[label in target for label in labels] for target in targets]
    return _with_error(scores, classwise_calibration_error(_table(chances, labels), truth))


def _table(chances: Sequence[Mapping[str, float]], labels: Sequence[str]) -> list[list[float]]:
    return [[row[label] for label in labels] for row in chances]


def _with_error(scores: Mapping[str, float], error: float) -> dict[str, float]:
    """``ece`` behind the metrics of all classes, before those of single ones."""
    return {name: value for name, value in scores.items() if "/" not in name} | {"ece": error} | dict(scores)
