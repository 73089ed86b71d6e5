"""Early stopping that keeps no state: it looks at the evaluations in the journal, so a resumed run stops where it would have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import dropwhile
from typing import Any

from transformers import TrainerCallback

from polysense.recipe.recipe import Evaluation
from polysense.training.journal import Journal


def standing(metrics: Mapping[str, float], judged: Evaluation) -> float:
    """How good the metric that chooses is: the larger the better; what is no number is worse than any."""
    value = metrics.get(judged.best, math.nan)  # of heads that had learned nothing there is none
    if math.isnan(value):
        return -math.inf
    return value if judged.greater_is_better else -value


def best_evaluation(evaluations: Sequence[Mapping[str, Any]], judged: Evaluation) -> int:
    """The place of the first evaluation whose metric no other one beats."""
    values = [standing(line["metrics"], judged) for line in evaluations]
    return values.index(max(values))


def patience_is_spent(evaluations: Sequence[Mapping[str, Any]], judged: Evaluation) -> bool:
    """Whether as many evaluations as the recipe's patience have come since the best one.

    Those before the head that is judged had learned something do not count: there was nothing to judge.
    """
    modality = judged.best.partition("/")[2]
    evaluations = list(dropwhile(lambda line: modality in line.get("untaught", ()), evaluations))
    if judged.patience is None or not evaluations:
        return False
    return len(evaluations) - 1 - best_evaluation(evaluations, judged) >= judged.patience


class EarlyStopping(TrainerCallback):
    """Stops training once the recipe's patience is spent."""

    def __init__(self, judged: Evaluation, journal: Journal) -> None:
        self._judged = judged
        self._journal = journal

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called after the evaluation has been written down."""
        del args, state
        control.should_training_stop |= patience_is_spent(self._journal.evaluations, self._judged)
