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


def shortlists(queries: ArrayLike, items: ArrayLike, *, pairs: ArrayLike, size: int) -> NDArray[np.int64]:
    """The items (queries, at most ``size``) that score highest for each query, best first.

    Of equal scores wrong items come first, then the lower number: a right item is in the list only where its rank by :func:`ranks`
    is. Arguments as there.
    """
    asked, there = np.asarray(queries, dtype=np.float64), np.asarray(items, dtype=np.float64)
    right = _right(pairs, len(asked))
    found = np.empty((len(asked), min(size, len(there))), dtype=np.int64)
    for rows in blocks(len(asked), width=len(there)):
        scores = (asked[rows] @ there.T).astype(np.float32)
        for query, line in enumerate(scores, start=rows.start):
            is_right = np.zeros(len(line), dtype=bool)
            is_right[right[query]] = True
            against = np.where(np.isnan(line), np.where(is_right, -np.inf, np.inf), line)
            found[query] = np.lexsort((is_right, -against))[: found.shape[1]]
    return found


def reranked(
    first: NDArray[np.int64], shortlist: NDArray[np.int64], scores: ArrayLike, *, pairs: ArrayLike
) -> NDArray[np.int64]:
    """The ranks (queries,) after the items of each shortlist were put in the order of other scores; ties and NaN count against.

    A query whose list holds no right item keeps its rank, for what stands behind the list stays where it is.

    Args:
        first: (queries,) the ranks before, of :func:`ranks`.
        shortlist: (queries, size) the items, of :func:`shortlists`.
        scores: (queries, size) of these items, by which they are put in order.
        pairs: as for :func:`ranks`.
    """
    right, found = _right(pairs, len(first)), first.copy()
    for query, (items, line) in enumerate(zip(shortlist, np.asarray(scores, dtype=np.float64), strict=True)):
        is_right = np.isin(items, right[query])
        if is_right.any():
            best = np.nan_to_num(line[is_right], nan=-np.inf).max()
            found[query] = 1 + (~(line[~is_right] < best)).sum()
    return found


def _right(pairs: ArrayLike, queries: int) -> list[NDArray[np.int64]]:
    """The right items of each query."""
    asks, offers = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    order = np.argsort(asks, kind="stable")
    return np.split(offers[order], np.searchsorted(asks[order], np.arange(1, queries)))


def blocks(rows: int, *, width: int) -> Iterator[slice]:
    """Pieces of ``rows`` whose scores against ``width`` items are at most ``CELLS``, at least one row each."""
    step = max(1, CELLS // max(1, width))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def recalls(found: NDArray[np.int64], *, prefix: str = "") -> dict[str, float]:
    """``R@1``, ``R@5``, ``R@10`` (shares, 0 to 1) and ``median_rank`` of ranks (queries,)."""
    named = {f"{prefix}R@{k}": float((found <= k).mean()) for k in KS}
    return {**named, f"{prefix}median_rank": float(np.median(found))}
