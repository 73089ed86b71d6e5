"""Recall at k: is what belongs to a query among the k items that score highest?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

KS = (1, 5, 10)

CELLS = 1 << 22
"""Scores held at once: a block of queries against all items takes 32 MB, whatever the number of rows."""


def ranks(queries: ArrayLike, items: ArrayLike, *, pairs: ArrayLike) -> NDArray[np.int64]:
    """The rank (queries,), from 1, of each query's best right item; ties and NaN count against it.

    ``1 + number of wrong items that score at least as high as the best right one``: the other right items of a query are not in
    its way, and a model that gives every item one score gets the worst rank, not the best. A score is the inner product, taken
    in float64 and rounded to float32, so that equal items tie wherever they stand.

    Args:
        queries: (queries, width).
        items: (items, width).
        pairs: (pairs, 2) int, a query and an item that is right for it, in any order, repeats allowed. Every query has one.
    """
    asked, there = np.asarray(queries, dtype=np.float64), np.asarray(items, dtype=np.float64)
    asks, offers = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    by_query = np.argsort(asks, kind="stable")
    asks, offers = asks[by_query], offers[by_query]
    found = np.empty(len(asked), dtype=np.int64)
    for rows in blocks(len(asked), width=len(there)):
        scores = (asked[rows] @ there.T).astype(np.float32)
        here = slice(*np.searchsorted(asks, [rows.start, rows.stop]))
        right = np.zeros(scores.shape, dtype=bool)
        right[asks[here] - rows.start, offers[here]] = True
        best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
        found[rows] = 1 + (~(scores < best) & ~right).sum(axis=1)  # so that NaN counts as a tie
    return found


def blocks(rows: int, *, width: int) -> Iterator[slice]:
    """Pieces of ``rows`` whose scores against ``width`` items are at most ``CELLS``, at least one row each."""
    step = max(1, CELLS // max(1, width))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def recalls(found: NDArray[np.int64], *, prefix: str = "") -> dict[str, float]:
    """``R@1``, ``R@5``, ``R@10`` (shares, 0 to 1) and ``median_rank`` of ranks (queries,)."""
    named = {f"{prefix}R@{k}": float((found <= k).mean()) for k in KS}
    return {**named, f"{prefix}median_rank": float(np.median(found))}
