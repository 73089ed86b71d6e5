"""What is fitted on validation rows when a training is over: temperatures, thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polysense.evaluation.evaluator import Answerer
from polysense.learner import Learner
from polysense.objectives.objective import Answering
from polysense.types import Sample


def settle(learner: Learner, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """Let the objectives that ask for it fit what they answer by; what each found, by its name."""
    wanted = {name: one for name, one in learner.active.items() if isinstance(one, Answering) and one.settles}
    if not wanted:
        return {}
    for objective in wanted.values():
        objective.unsettle()  # the weights may be settled ones, where a run was killed behind them
    answers = answerer.predict(samples)
    return {name: objective.settle(answers, samples) for name, objective in wanted.items()}
