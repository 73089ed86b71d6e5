"""Recall at k: is what belongs to a query among the k items that score highest?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

KS = (1, 5, 10)


def ranks(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The rank (queries,), from 1, of each query's best right item; ties and NaN count against it.

    ``1 + number of wrong items that score at least as high as the best right one``: a model that gives every item one score
    gets the worst rank, not the best.

    Args:
        scores: (queries, items), higher is better.
        right: (queries, items), True where the item belongs to the query; every query has one.
    """
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    wrong: NDArray[np.int64] = (~(scores < best) & ~right).sum(axis=1)  # so that NaN counts as a tie
    return wrong + 1


def recalls(found: NDArray[np.int64], *, prefix: str = "") -> dict[str, float]:
    """``R@1``, ``R@5``, ``R@10`` (shares, 0 to 1) and ``median_rank`` of ranks (queries,)."""
    named = {f"{prefix}R@{k}": float((found <= k).mean()) for k in KS}
    return {**named, f"{prefix}median_rank": float(np.median(found))}
