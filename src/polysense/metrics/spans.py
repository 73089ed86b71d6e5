"""How well marked spans agree with the true ones: exactly, by touching, by how much of them is covered.

Each is a precision (of the answered spans), a recall (of the true ones) and their harmonic mean, for each role and for all roles
together, whose credits and counts are summed first (micro). A span is only ever held against spans of its own role in its own row.

- **Exact**: a span has the credit 1 if one of the other side has the same beginning and end.
- **Binary**: it has the credit 1 if it shares a word with one of the other side.
- **Proportional**: its credit is the share of its own words that lie in spans of the other side.

So a true span that is answered in two halves has one credit in binary and proportional recall, and both halves are right in precision:
these two measures do not punish what is cut up, the exact one does. A ratio whose denominator is zero is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from polysense.metrics.classification import ratio
from polysense.types import Span

Floats = NDArray[np.float64]
Spans = Sequence[Span]
Credit = Callable[[Span, Spans], float]
"""What a span earns beside those of the other side that have its role."""


def exact(span: Span, others: Spans) -> float:
    """1 if one of the others begins and ends where it does."""
    return float(any((other.start, other.end) == (span.start, span.end) for other in others))


def binary(span: Span, others: Spans) -> float:
    """1 if it overlaps one of the others."""
    return float(any(other.start < span.end and span.start < other.end for other in others))


def proportional(span: Span, others: Spans) -> float:
    """The share of it that the others cover, from 0 to 1; what several of them cover counts once."""
    covered = {place for other in others for place in range(max(span.start, other.start), min(span.end, other.end))}
    return len(covered) / (span.end - span.start)


def span_outcomes(targets: Sequence[Spans], answers: Sequence[Spans], *, roles: Sequence[str], credit: Credit) -> Floats:
    """What each row adds to the scores, (rows, 4 R): per role the credits of the answered spans, their number, those of the true ones,
    their number; a span that is marked twice is one.

    Args:
        targets: the true spans of each row; they may overlap.
        answers: the spans that were found in it.
        roles: those that are scored; R of them.
        credit: :func:`exact`, :func:`binary` or :func:`proportional`.

    Raises:
        ValueError: there are more rows of one than of the other.
    """
    if len(targets) != len(answers):
        raise ValueError(f"{len(targets)} rows of targets but {len(answers)} of answers")
    outcomes = np.zeros((len(targets), len(roles), 2, 2))
    for row, sides in enumerate(zip(answers, targets, strict=True)):
        for place, role in enumerate(roles):
            found, wanted = ({span for span in spans if span.role == role} for spans in sides)
            for side, (own, others) in enumerate(((found, wanted), (wanted, found))):
                outcomes[row, place, side] = sum(credit(span, list(others)) for span in own), len(own)
    return outcomes.reshape(len(targets), 4 * len(roles))


def scores_of_outcomes(outcomes: NDArray[np.number], *, roles: Sequence[str]) -> dict[str, Floats]:
    """The scores of summed :func:`span_outcomes` (..., 4 R): ``precision``, ``recall``, ``f1`` over all roles, and each also as
    ``f1/<role>``, with their values (...); of a role that never occurs 0.
    """
    by_role = outcomes.reshape(*outcomes.shape[:-1], len(roles), 2, 2)
    scores = _ratios(by_role.sum(axis=-3))
    for place, role in enumerate(roles):
        scores |= {f"{name}/{role}": value for name, value in _ratios(by_role[..., place, :, :]).items()}
    return scores


def span_scores(
    targets: Sequence[Spans], answers: Sequence[Spans], *, roles: Sequence[str], credit: Credit
) -> dict[str, float]:
    """:func:`scores_of_outcomes` of all rows; arguments and errors of :func:`span_outcomes`."""
    outcomes = span_outcomes(targets, answers, roles=roles, credit=credit).sum(axis=0)
    return {name: float(value) for name, value in scores_of_outcomes(outcomes, roles=roles).items()}


def _ratios(sides: NDArray[np.number]) -> dict[str, Floats]:
    """Of (..., 2, 2): answered and true, each with credits and number."""
    precision, recall = (ratio(sides[..., side, 0], sides[..., side, 1]) for side in (0, 1))
    return {"precision": precision, "recall": recall, "f1": ratio(2 * precision * recall, precision + recall)}
