"""How well scores follow gold scores: Pearson, Spearman, and the summaries of a task that consists of several subsets.

What is undefined (fewer than two rows, a side that is constant, a value that is not a number) is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Scores against gold scores over the subsets of a task; correlations from -1 to 1."""

    spearman: float
    """One correlation over the pairs of all subsets together: the setting "all"."""
    pearson: float
    """Likewise."""
    mean: float
    """The mean of the subsets' Spearman correlations."""
    weighted_mean: float
    """The same, each subset weighted by its pairs."""
    pairs: int
    subsets: Mapping[str, float]
    """Subset -> its own Spearman correlation."""


def agreement(scores: ArrayLike, gold: ArrayLike, subsets: Sequence[str]) -> Agreement:
    """The summaries of scores (rows,) and gold scores (rows,), where row i belongs to ``subsets[i]``."""
    found, wanted = _paired(scores, gold)
    if len(subsets) != len(found):
        raise ValueError(f"subsets must be ({len(found)},), not ({len(subsets)},)")
    members: dict[str, list[int]] = {}
    for row, name in enumerate(subsets):
        members.setdefault(name, []).append(row)
    own = {name: spearman(found[rows], wanted[rows]) for name, rows in members.items()}
    weights = {name: len(rows) for name, rows in members.items()}
    return Agreement(
        spearman=spearman(found, wanted),
        pearson=pearson(found, wanted),
        mean=math.fsum(own.values()) / len(own) if own else math.nan,
        weighted_mean=math.fsum(own[name] * weights[name] for name in own) / len(found) if own else math.nan,
        pairs=len(found),
        subsets=own,
    )


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation; values that tie share the mean of their ranks."""
    from scipy.stats import rankdata

    left, right = _paired(x, y)
    if np.isnan(left).any() or np.isnan(right).any():
        return math.nan
    return pearson(rankdata(left), rankdata(right))


def pearson(x: ArrayLike, y: ArrayLike) -> float:
    """Pearson's correlation."""
    left, right = _paired(x, y)
    if len(left) < 2 or not (np.isfinite(left).all() and np.isfinite(right).all()) or np.ptp(left) == 0 or np.ptp(right) == 0:
        return math.nan
    left, right = left - left.mean(), right - right.mean()
    lengths = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float(np.clip(left @ right / lengths, -1.0, 1.0)) if lengths > 0 else math.nan


def paired_cosine(x: ArrayLike, y: ArrayLike) -> Floats:
    """The cosine (rows,) of row i of x with row i of y; 0 where a row is all zeros or not finite.

    Computed in float64 and rounded to 12 digits, so that pairs of equal sentences tie whatever their vectors are.
    """
    left, right = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if left.ndim != 2 or left.shape != right.shape:
        raise ValueError(f"x and y must have one shape (rows, width), not {left.shape} and {right.shape}")
    sound: NDArray[np.bool_] = np.isfinite(np.concatenate([left, right], axis=1)).all(axis=1, keepdims=True)
    left, right = np.where(sound, left, 0.0), np.where(sound, right, 0.0)
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    dots: Floats = (left * right).sum(axis=1)
    cosines: Floats = np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)
    return cosines.round(12)


def _paired(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    left, right = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if left.ndim != 1 or left.shape != right.shape:
        raise ValueError(f"x and y must have one shape (rows,), not {left.shape} and {right.shape}")
    return left, right
