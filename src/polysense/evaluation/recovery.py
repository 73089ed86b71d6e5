"""How much of what objectives hide they recover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.objectives.objective import Recovered, Recovering
from polysense.types import Batch, Sample

Kinds = list[int]


class Recovery(Evaluator):
    """``<objective>_recall@k`` of each objective that hides something, and ``<objective>_recall@k_frequent``, to hold it against.

    The share of what was hidden that is among the ``k`` likeliest kinds: for hidden tokens and polarities ``k`` is 1, so this is
    the accuracy; for pairs, which are several tokens, it is ``most``. ``frequent`` is what always naming the ``k`` most frequent
    kinds would reach; they are counted on these very samples, so it is a little better than it could be in use. In evaluation
    mode; what is hidden follows from the number of the batch. To be measured on texts that were not trained on.

    Args:
        most: likeliest tokens of a pair.
        batch_size: rows that are hidden in at a time.
    """

    def __init__(self, most: int = 20, batch_size: int = 64) -> None:
        if most < 1 or batch_size < 1:
            raise RecipeError(f"Recovery: most and batch_size are at least 1, not {most} and {batch_size}")
        self.most = most
        self.batch_size = batch_size

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Hide, and ask every objective that does."""
        learner = answerer.learner
        hiding = {name: one for name, one in learner.active.items() if isinstance(one, Recovering)}

        def question(batch: Batch, step: int) -> dict[str, list[tuple[Kinds, Kinds]]]:
            look = learner.look(batch, step=step)
            return {name: self._told(one.recover(look)) for name, one in hiding.items() if batch.has(one.reads)}

        batches = answerer.ask(samples, question, batch_size=self.batch_size)
        metrics: dict[str, float] = {}
        for name in hiding:
            pairs = [pair for batch in batches for pair in batch.get(name, ())]
            if not pairs:
                continue
            most = max(len(answers) for answers, _ in pairs)
            truths = [truth for _, truth in pairs]
            frequent = [kind for kind, _ in Counter(kind for truth in truths for kind in truth).most_common(most)]
            metrics[f"{name}_recall@{most}"] = _share(pairs)
            metrics[f"{name}_recall@{most}_frequent"] = _share([(frequent, truth) for truth in truths])
        return metrics

    def _told(self, found: Recovered) -> list[tuple[Kinds, Kinds]]:
        """Of each hidden thing the likeliest kinds, and the true ones."""
        most = 1 if found.truth.shape[1] == 1 else min(self.most, found.scores.shape[1])
        likeliest = found.scores.topk(most, dim=1).indices.tolist() if len(found.truth) else []
        truths = [[kind for kind in row if kind >= 0] for row in found.truth.tolist()]
        return list(zip(likeliest, truths, strict=True))


def _share(pairs: Iterable[tuple[Kinds, Kinds]]) -> float:
    """Of what is true, how much is among the answers."""
    found = [(len(set(truth) & set(answers)), len(set(truth))) for answers, truth in pairs]
    return sum(hits for hits, _ in found) / sum(count for _, count in found)
