"""Did a signal learn its own task? An arm whose signal did not says nothing of what the signal would add."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTask:
    """How it is measured what a model has learned of a signal."""

    evaluator: str
    """Its class."""
    metric: str
    """Of those that it gives: the share of right answers."""
    asks: str
    """What is counted: ``pairs told from others``."""
    learns: str
    """What a model learns that can do it: ``to tell pairs from others``."""
    chance: Callable[[Mapping[str, float], int], float]
    """What a model reaches that learned nothing, by its metrics and the number of different things that are asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What the models of an arm, one a seed, learned of one of its signals."""

    signal: str
    task: OwnTask
    scores: tuple[float, ...]
    """On validation, a seed each."""
    chance: float
    questions: int
    """Different things that were asked about."""

    @property
    def score(self) -> float:
        """The mean over the seeds."""
        return fmean(self.scores)

    @property
    def enough(self) -> bool | None:
        """Whether it is above chance by more than two standard errors of so many questions; None where nothing could be."""
        least = self.chance + 2 * math.sqrt(self.chance * (1 - self.chance) / self.questions)
        return None if least >= 1 else self.score > least

    @property
    def verdict(self) -> str:
        """``yes``, ``no``, ``too few rows``."""
        return {True: "yes", False: "no", None: "too few rows"}[self.enough]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "metric": self.task.metric,
            "mean": self.score,
            "per_seed": list(self.scores),
            "chance": self.chance,
            "questions": self.questions,
            "learned": self.enough,
        }


def percent(value: float) -> str:
    """A share with a digit behind the point where it has one: ``51.3``, ``50``."""
    return f"{100 * value:.1f}".removesuffix(".0")
