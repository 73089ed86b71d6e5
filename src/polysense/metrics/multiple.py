"""Several questions asked of the same data: what each p-value is worth among them."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p-value adjusted so that the chance of any false alarm among all of them is kept, in their order.

    The k-th smallest of m is multiplied by m - k + 1, is no smaller than the one before it, and at most 1. It holds however the
    questions depend on each other.   Source: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted
