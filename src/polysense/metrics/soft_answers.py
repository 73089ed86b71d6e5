"""How right an answer is on which people disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

FULL = 3
"""So many people make an answer wholly right."""


def soft_scores(given: Sequence[str]) -> dict[str, float]:
    """``min(n / 3, 1)`` of each answer that n people gave."""
    return {answer: min(count / FULL, 1.0) for answer, count in Counter(given).items()}


def soft_accuracy(answers: Sequence[str], given: Sequence[Sequence[str]]) -> float:
    """The mean score of answers (rows,), each by what people gave for its row; from 0 to 1.

    Raises:
        ValueError: there is no row, or not as many answers as rows.
    """
    if not answers or len(answers) != len(given):
        raise ValueError(f"expected an answer for each of at least one row, found {len(answers)} for {len(given)}")
    return sum(soft_scores(people).get(answer, 0.0) for answer, people in zip(answers, given, strict=True)) / len(answers)
