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

from collections.abc import Callable, Iterable, Sequence

from polysense.types import Span

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


def span_scores(
    targets: Sequence[Spans], answers: Sequence[Spans], *, roles: Sequence[str], credit: Credit
) -> dict[str, float]:
    """``precision``, ``recall``, ``f1`` over all roles, and each also as ``f1/<role>``; of a role that never occurs 0.

    Args:
        targets: the true spans of each row; they may overlap.
        answers: the spans that were found in it.
        roles: those that are scored.
        credit: :func:`exact`, :func:`binary` or :func:`proportional`.

    Raises:
        ValueError: there are more rows of one than of the other.
    """
    if len(targets) != len(answers):
        raise ValueError(f"{len(targets)} rows of targets but {len(answers)} of answers")
    found = {role: _earned(answers, targets, role, credit) for role in roles}
    wanted = {role: _earned(targets, answers, role, credit) for role in roles}
    scores = _ratios(_sum(found.values()), _sum(wanted.values()))
    for role in roles:
        scores |= {f"{name}/{role}": value for name, value in _ratios(found[role], wanted[role]).items()}
    return scores


def _earned(rows: Sequence[Spans], others: Sequence[Spans], role: str, credit: Credit) -> tuple[float, int]:
    """The credits of all spans of a role, and how many they are; a span that is marked twice is one."""
    total, count = 0.0, 0
    for spans, beside in zip(rows, others, strict=True):
        own = {span for span in spans if span.role == role}
        total += sum(credit(span, [other for other in beside if other.role == role]) for span in own)
        count += len(own)
    return total, count


def _sum(parts: Iterable[tuple[float, int]]) -> tuple[float, int]:
    credits, counts = zip(*parts, strict=True)
    return sum(credits), sum(counts)


def _ratios(found: tuple[float, int], wanted: tuple[float, int]) -> dict[str, float]:
    precision, recall = (credit / count if count else 0.0 for credit, count in (found, wanted))
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}
