"""The most similar rows, exactly, in blocks: the memory does not grow with the number of rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Vectors = NDArray[np.floating] | sparse.csr_array

CELLS = 1 << 24
"""Similarities that are held at a time; 16 million take 128 MB."""

DECIMALS = 6
"""Of a similarity. Below these, which of two is greater is a matter of rounding; equal ones are ranked by place."""


def unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows (rows, width) scaled to length 1; a row of zeros stays zero."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)


def similarities(queries: Vectors, gallery: Vectors) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """The first row of each block of queries, and (rows of the block, gallery): inner products, rounded to `DECIMALS`."""
    rows = max(1, CELLS // max(1, gallery.shape[0]))
    turned = gallery.T.tocsr() if isinstance(gallery, sparse.csr_array) else gallery.T
    for start in range(0, queries.shape[0], rows):
        found = queries[start : start + rows] @ turned
        yield start, np.asarray(found.toarray() if sparse.issparse(found) else found, np.float64).round(DECIMALS)


def highest(scores: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """The places of the ``most`` highest finite scores (gallery,), from the highest on; equal ones from the first on."""
    there = np.flatnonzero(np.isfinite(scores))
    if len(there) > most:
        limit = np.partition(scores[there], len(there) - most)[len(there) - most]
        above, level = there[scores[there] > limit], there[scores[there] == limit]
        there = np.sort(np.concatenate([above, level[: most - len(above)]]))
    return there[np.argsort(-scores[there], kind="stable")]
