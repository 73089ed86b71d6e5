"""The loss of every objective on rows that it did not learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence

from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.objectives.masked_language import MaskedLanguage
from polysense.types import Sample


class Losses(Evaluator):
    """``<objective>_loss`` for each objective that runs on the samples, and ``perplexity`` for masked language modelling.

    In evaluation mode, over batches of ``batch_size`` rows in the samples' order; the mean over batches, weighed by their rows. What a
    view draws (masks, exchanged texts) follows from the number of the batch, so every call asks the same. To choose a checkpoint
    where nothing is labelled: ``best: language_loss``, ``greater_is_better: false``.
    """

    def __init__(self, batch_size: int = 64) -> None:
        self.batch_size = batch_size

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Ask every objective."""
        sums: dict[str, float] = {}
        rows: dict[str, int] = {}
        for size, terms in answerer.terms(samples, batch_size=self.batch_size):
            for name, term in terms.items():
                sums[name] = sums.get(name, 0.0) + term * size
                rows[name] = rows.get(name, 0) + size
        metrics = {f"{name}_loss": sums[name] / rows[name] for name in sums}
        for name, objective in answerer.learner.active.items():
            if isinstance(objective, MaskedLanguage) and name in sums:
                metrics["perplexity"] = math.exp(min(metrics[f"{name}_loss"], 700.0))  # what a float holds
        return metrics
