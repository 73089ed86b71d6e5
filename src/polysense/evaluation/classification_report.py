"""Accuracy, F1 and their kin on labelled rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polysense.data.table import classes
from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.metrics.calibration import expected_calibration_error
from polysense.metrics.classification import classification_metrics, multilabel_metrics
from polysense.objectives.classification import Classification, refuse_other_labels
from polysense.types import Sample


class ClassificationReport(Evaluator):
    """``accuracy, weighted_f1, macro_f1, macro_precision, macro_recall, ece`` and per class ``f1/<label>``, ...

    ``ece`` is the expected calibration error of the probabilities, where a row has one label; less is better.
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
            return multilabel_metrics(targets, columns["label"], labels=head.labels)
        return single_label_report(
            [target for (target,) in targets], columns["label"], columns["probabilities"], labels=head.labels
        )


def single_label_report(
    targets: Sequence[str], answers: Sequence[str], chances: Sequence[Mapping[str, float]], *, labels: Sequence[str]
) -> dict[str, float]:
    """The metrics of rows with one label each, from what was answered and with which probabilities."""
    scores = classification_metrics(targets, answers, labels=labels)
    table = [[row[label] for label in labels] for row in chances]
    error = expected_calibration_error(table, [labels.index(target) for target in targets])
    return {name: value for name, value in scores.items() if "/" not in name} | {"ece": error} | scores
