"""Heads of single modalities that a checkpoint was chosen too early for: what they would say is noise, so they say nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from polysense.evaluation.evaluator import Evaluator
from polysense.evaluation.sentiment import SentimentRegression
from polysense.learner import Learner
from polysense.metrics.sentiment import OF_EACH
from polysense.objectives.unimodal_labels import UnimodalLabels
from polysense.types import Sample


def untaught(learner: Learner) -> list[str]:
    """The modalities whose own heads have learned nothing yet."""
    return [name for one in learner.active.values() if isinstance(one, UnimodalLabels) for name in one.untaught]


def not_yet(evaluators: Sequence[Evaluator], learner: Learner, samples: Sequence[Sample]) -> dict[str, float]:
    """The metrics of modalities whose heads have learned nothing yet, each no number; of modalities that some sample has."""
    if not any(isinstance(one, SentimentRegression) for one in evaluators):
        return {}
    there = [name for name in untaught(learner) if any(getattr(sample, name) is not None for sample in samples)]
    return {f"{metric}/{name}": math.nan for name in there for metric in OF_EACH}


def has_more_later(best: Mapping[str, Any], last: Mapping[str, Any]) -> bool:
    """Whether more heads had learned something at the last evaluation than at the one that was chosen, as the journal has both."""
    return len(last.get("untaught", ())) < len(best.get("untaught", ()))


def too_early(best: Mapping[str, Any], last: Mapping[str, Any], *, elsewhere: str) -> str:
    """What to tell of the evaluation that was chosen; nothing where all heads that there are had learned something.

    Args:
        best: the evaluation whose weights are kept, as the journal has it.
        last: the newest one.
        elsewhere: the folder of the model of that, by its name for a reader.
    """
    lacking = best.get("untaught", ())
    if not lacking:
        return ""
    said = (
        f"the weights that were chosen are of epoch {best['epoch']:g}, before the {'heads' if len(lacking) > 1 else 'head'} of "
        f"{spoken(lacking)} had learned anything, so they give no score of {'these' if len(lacking) > 1 else 'it'} alone"
    )
    later = [name for name in lacking if name not in last.get("untaught", ())]
    if later:
        whose = "" if later == lacking else f" of {spoken(later)}"
        return f"{said}; the model of epoch {last['epoch']:g} does{whose}: it is kept in {elsewhere}"
    return f"{said}. {WHEN}"


WHEN = (
    "A head learns from its rows' third visit on, or with warm_up_weight above 0 from the first: train longer, or set it "
    "(objectives.<name>.objective.warm_up_weight)"
)


def spoken(names: Sequence[str]) -> str:
    """``text, audio and video``"""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
