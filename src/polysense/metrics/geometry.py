"""The shape of an embedding space: alignment of pairs, and uniformity of all points on the sphere (lower is better for both).

Arrays are (rows, width); rows are L2-normalised here, a row of zeros stays zero. Sums run in float64 over blocks, so the memory
does not grow with the square of the rows. No pair gives NaN, never 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BLOCK = 1024
"""Rows compared at once: a block of distances takes 8 MB."""


def alignment(x: ArrayLike, y: ArrayLike, *, keep: ArrayLike | None = None, batch_size: int | None = None) -> float:
    """The mean over pairs of || n(x_i) - n(y_i) ||^2, from 0 to 4.

    ``keep`` (rows,) bool picks the pairs that mean the same. With ``batch_size`` the released variant: the mean over batches of
    each batch's mean, where a batch with no kept pair counts as 0; for comparison with printed numbers only.
    """
    left, right = matrix(x), matrix(y)
    if left.shape != right.shape:
        raise ValueError(f"x and y must have one shape, not {left.shape} and {right.shape}")
    kept = np.ones(len(left), dtype=np.bool_) if keep is None else np.asarray(keep, dtype=np.bool_)
    if kept.shape != (len(left),):
        raise ValueError(f"keep must be ({len(left)},), not {kept.shape}")
    step = BLOCK if batch_size is None else batch_size
    blocks = [pair_distances(left[rows], right[rows])[kept[rows]] for rows in slices(len(left), step)]
    if batch_size is None:
        return mean([float(block.sum()) for block in blocks], count=int(kept.sum()))
    return mean([float(block.mean()) if len(block) else 0.0 for block in blocks], count=len(blocks))


def uniformity(x: ArrayLike, y: ArrayLike | None = None, *, batch_size: int | None = None) -> float:
    """The log of the mean over i < j of exp(-2 || n(u_i) - n(u_j) ||^2), u = the rows of x, and of y after them: at most 0.

    With ``batch_size`` the released variant: the mean of the values of batches (each of ``batch_size`` rows of x and as many of
    y); for comparison with printed numbers only.
    """
    left = matrix(x)
    right = left[:0] if y is None else matrix(y)
    if batch_size is None:
        return log_mean_potential(np.concatenate([left, right]))
    batches = [np.concatenate([left[rows], right[rows]]) for rows in slices(max(len(left), len(right)), batch_size)]
    values = [log_mean_potential(batch) for batch in batches]
    return mean(values, count=len(values))


def log_mean_potential(points: NDArray[np.floating]) -> float:
    """Uniformity of one set of points."""
    rows = len(points)
    if rows < 2:
        return float("nan")
    total = 0.0
    for first in slices(rows, BLOCK):
        block = normalised(points[first])
        for second in slices(rows, BLOCK, start=first.start):
            potential = np.exp(-2.0 * distances(block, normalised(points[second])))
            total += float(np.triu(potential, k=1).sum()) if second.start == first.start else float(potential.sum())
    return min(0.0, float(np.log(total / (rows * (rows - 1) / 2))))


def pair_distances(left: NDArray[np.floating], right: NDArray[np.floating]) -> Floats:
    """|| n(x_i) - n(y_i) ||^2, (rows,)."""
    gaps: Floats = ((normalised(left) - normalised(right)) ** 2).sum(axis=1)
    return gaps


def distances(left: Floats, right: Floats) -> Floats:
    """|| x_i - y_j ||^2 of rows that are already normalised, (rows of x, rows of y)."""
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :]
    gaps: Floats = np.maximum(squares - 2.0 * left @ right.T, 0.0)
    return gaps


def normalised(rows: NDArray[np.floating]) -> Floats:
    """Rows of length 1, in float64."""
    wide = rows.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    unit: Floats = np.divide(wide, lengths, out=np.zeros_like(wide), where=lengths != 0)
    return unit


def matrix(values: ArrayLike) -> NDArray[np.floating]:
    """As an array (rows, width), in the precision that it came with."""
    array = np.asarray(values)
    if array.ndim != 2:
        raise ValueError(f"embeddings must be (rows, width), not {array.shape}")
    return array


def slices(rows: int, step: int, *, start: int = 0) -> list[slice]:
    """Consecutive pieces of ``step`` rows; the last may be shorter."""
    if step < 1:
        raise ValueError(f"batch_size must be at least 1, not {step}")
    return [slice(place, min(place + step, rows)) for place in range(start, rows, step)]


def mean(values: list[float], *, count: int) -> float:
    """Their sum over ``count``, NaN for nothing."""
    return sum(values) / count if count else float("nan")
