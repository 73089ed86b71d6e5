"""Whether a model answers all rows alike: then it tells none from another, whatever its metrics say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from polysense.types import Prediction, Sample

SAME_SCORE = 1e-3
"""Scores that lie no further apart are one: that much is rounding and a last bias, and shown with three digits they are equal."""

FIELDS = ("label", "score")
"""The answers that are looked at."""


class Answers:
    """Takes note of what a model answers while it is measured, a row counting once however often it is asked."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Any]] = {field: {} for field in FIELDS}

    def __call__(self, samples: Sequence[Sample], prediction: Prediction) -> None:
        """Called with each prediction."""
        for field, found in self._found.items():
            if field in prediction.columns:
                found |= {sample.id: answer for sample, answer in zip(samples, prediction.columns[field], strict=True)}

    def only(self) -> list[dict[str, Any]]:
        """See :func:`only_answers`."""
        return only_answers({field: found.values() for field, found in self._found.items()})


def only_answers(answers: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """``{"answer", "rows"}`` of each field that is one and the same in all of its rows, two at least; None is no answer."""
    found = []
    for values in answers.values():
        there = [value for value in values if value is not None]
        if len(there) > 1 and _are_one(there):
            found.append({"answer": there[0], "rows": len(there)})
    return found


def in_words(answer: Any) -> str:
    """``'neutral'``, ``'joy', 'surprise'``, ``no class``, ``0.412``."""
    if isinstance(answer, float | int):
        return f"{answer:.3f}"
    return repr(answer) if isinstance(answer, str) else ", ".join(map(repr, answer)) or "no class"


def who(seed: int | None) -> str:
    """``seed 1``, or the model that has none."""
    return "the model" if seed is None else f"seed {seed}"


def in_a_line(alike: Mapping[str, Any]) -> str:
    """``seed 1 answers 'neutral' for all 30 rows: ...``, of an ``{"seed", "answer", "rows"}``; seed None is no seed."""
    said = f"{who(alike['seed'])} answers {in_words(alike['answer'])} for all {alike['rows']:,} rows"
    return f"{said}: it tells none of them from another"


def _are_one(answers: Sequence[Any]) -> bool:
    if all(isinstance(answer, float | int) for answer in answers):
        return bool(max(answers) - min(answers) < SAME_SCORE)
    return len({answer if isinstance(answer, str) else tuple(sorted(answer)) for answer in answers}) == 1
