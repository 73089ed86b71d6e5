"""Are the answers those that people give, in the measure in which they agree?"""

from __future__ import annotations

from collections.abc import Sequence

from polysense.data.table import classes
from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.metrics.soft_answers import soft_accuracy
from polysense.types import Sample


class SoftAccuracy(Evaluator):
    """``soft_accuracy``, the mean of min(people who gave the answer / 3, 1), as VQA is scored; and ``rows``, how many were asked.

    Rows that nobody answered are left out.
    """

    target = "label"

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Predict and score."""
        asked = [sample for sample in samples if sample.label is not None]
        if not asked:
            return {}
        columns = answerer.predict(asked).columns
        if "label" not in columns:
            raise RecipeError("evaluation.evaluators: SoftAccuracy needs an objective SoftAnswers of weight above 0")
        found = soft_accuracy(columns["label"], [classes(sample) for sample in asked])
        return {"soft_accuracy": found, "rows": float(len(asked))}
