"""Accuracy, F1 and their kin on labelled rows."""

from __future__ import annotations

from collections.abc import Sequence

from polysense.data.table import classes
from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.metrics.classification import classification_metrics, multilabel_metrics
from polysense.objectives.classification import Classification, refuse_other_labels
from polysense.types import Sample


class ClassificationReport(Evaluator):
    """``accuracy, weighted_f1, macro_f1, macro_precision, macro_recall`` and per class ``f1/<label>``, ...

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
        answers = answerer.predict(labelled).columns["label"]
        targets = [classes(sample) for sample in labelled]
        if head.multi_label:
            return multilabel_metrics(targets, answers, labels=head.labels)
        return classification_metrics([target for (target,) in targets], answers, labels=head.labels)
