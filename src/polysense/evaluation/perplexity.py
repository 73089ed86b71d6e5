"""How surprised is a model by texts that it did not write?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch.nn.functional import cross_entropy

from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.objectives.generation import Generation
from polysense.types import Batch, Sample


class Perplexity(Evaluator):
    """``<objective>_perplexity`` of each ``Generation``: exp of the mean over all its target tokens of -log p(token | what is before).

    Every token counts once, [SEP] included, whatever the batches; without smoothing. Two models are comparable by it if they have the
    same tokenizer and targets. Fragments are drawn by the number of the batch, so that every call asks the same.

    Args:
        batch_size: rows at a time.
    """

    def __init__(self, batch_size: int = 64) -> None:
        self.batch_size = batch_size

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Ask every objective that writes."""
        learner = answerer.learner
        asked = {name: one for name, one in learner.active.items() if isinstance(one, Generation)}

        def question(batch: Batch, step: int) -> dict[str, tuple[float, int]]:
            look = learner.look(batch, step=step)
            ready = {name: one.recover(look) for name, one in asked.items() if one.has_targets(batch)}
            return {
                name: (cross_entropy(found.scores, found.truth[:, 0], reduction="sum").item(), len(found.truth))
                for name, found in ready.items()
            }

        batches = answerer.ask(samples, question, batch_size=self.batch_size)
        metrics = {}
        for name in asked:
            found = [batch[name] for batch in batches if name in batch]
            if tokens := sum(count for _, count in found):
                surprise = sum(total for total, _ in found) / tokens
                metrics[f"{name}_perplexity"] = math.exp(min(surprise, 700.0))  # what a float holds
        return metrics
