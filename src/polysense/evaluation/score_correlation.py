"""Do predicted scores rise and fall with those that people gave?"""

from __future__ import annotations

from collections.abc import Sequence

from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.metrics.correlation import pearson, spearman
from polysense.types import Sample


class ScoreCorrelation(Evaluator):
    """``pearson`` and ``spearman`` x 100 of the objective ``Regression``, as STS-B is scored when it is learned from; and ``rows``."""

    target = "score"

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Predict and score."""
        scored = [sample for sample in samples if sample.score is not None]
        if not scored:
            return {}
        columns = answerer.predict(scored).columns
        if "score" not in columns:
            raise RecipeError("evaluation.evaluators: ScoreCorrelation needs an objective Regression of weight above 0")
        pairs = [(found, sample.score) for found, sample in zip(columns["score"], scored, strict=True) if found is not None]
        found, truth = [float(one) for one, _ in pairs], [float(other or 0.0) for _, other in pairs]
        return {"pearson": 100 * pearson(found, truth), "spearman": 100 * spearman(found, truth), "rows": float(len(pairs))}
