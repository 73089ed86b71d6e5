"""The difference between two systems that were trained with the same seeds and scored on the same rows, with its interval.

Two things could have come out otherwise: the seeds drawn and the rows drawn. So both are resampled. One draw of rows serves all
drawn seeds and both systems, because a hard row is hard for every seed: drawing rows anew for each seed would pass its luck off
as many independent pieces of evidence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | NDArray[np.float64]
"""What rows add to sums; credits may be parts of one."""
Repeats = NDArray[np.int64]
Statistic = Callable[[Floats], dict[str, Floats]]
"""Summed counts (..., C) to named metrics (...)."""

CHUNK = 2_000_000
"""Numbers held at once while resampling (16 MB)."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """``other - base`` of one metric."""

    base: float
    """Mean over seeds."""
    other: float
    difference: float
    low: float
    """The 95 % percentile interval."""
    high: float
    p_value: float
    """Two-sided, in (0, 1]."""
    per_seed: tuple[float, ...]


def paired_bootstrap(
    base: Counts, other: Counts, statistic: Statistic, *, resamples: int = 5000, seed: int = 0
) -> dict[str, PairedDifference]:
    """Every metric of ``statistic``, for base and other counts (seeds, rows, C) in the same order of seeds and rows.

    The 95 % interval runs between the 2.5th and 97.5th percentile of the resampled differences. The p-value is twice the
    smaller share of resampled differences on one side of zero, with one added to both counts: it is never 0, and 1 for equal
    systems.
    """
    if base.shape != other.shape or base.ndim != 3 or 0 in base.shape:
        raise ValueError(
            f"base and other must be (seeds, rows, counts) alike and not empty, not {base.shape} and {other.shape}"
        )
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, not {resamples}")
    base_scores, other_scores = (statistic(arm.sum(axis=1).astype(np.float64)) for arm in (base, other))
    drawn = resampled(base, other, statistic, resamples=resamples, seed=seed)
    return {
        name: describe(base_scores[name], other_scores[name], differences=differences) for name, differences in drawn.items()
    }


def resampled(base: Counts, other: Counts, statistic: Statistic, *, resamples: int, seed: int) -> dict[str, Floats]:
    """The mean difference over drawn seeds of every metric in each resample, (resamples,)."""
    seeds, rows, width = base.shape
    patterns, repeats = alike(base, other)
    generator = np.random.default_rng(seed)
    seed_weights = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
    step = max(1, CHUNK // max(len(repeats), 2 * seeds * width))
    pieces: list[dict[str, Floats]] = []
    for start in range(0, resamples, step):
        weights = seed_weights[start : start + step]
        draws = generator.multinomial(rows, repeats / rows, size=len(weights)).astype(np.float64)
        counts = (draws @ patterns).reshape(len(weights), 2, seeds, width)
        before, after = statistic(counts[:, 0]), statistic(counts[:, 1])
        pieces.append({name: ((after[name] - before[name]) * weights).sum(axis=1) for name in before})
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def alike(base: Counts, other: Counts) -> tuple[Floats, Repeats]:
    """Rows on which all seeds of both systems did the same, once (patterns, 2 * seeds * C), and how many rows each stands for.

    Drawing patterns with these chances is the same as drawing rows, and far cheaper for large test sets.
    """
    table = np.concatenate([base, other]).transpose(1, 0, 2).reshape(base.shape[1], -1)
    patterns, repeats = np.unique(table, axis=0, return_counts=True)
    return patterns.astype(np.float64), repeats.astype(np.int64)


def describe(base: Floats, other: Floats, *, differences: Floats) -> PairedDifference:
    """Sum up one metric: its values per seed (seeds,), and its resampled differences (resamples,)."""
    low, high = np.quantile(differences, [0.025, 0.975])
    side = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return PairedDifference(
        base=float(base.mean()),
        other=float(other.mean()),
        difference=float((other - base).mean()),
        low=float(low),
        high=float(high),
        p_value=min(1.0, 2 * (side + 1) / (len(differences) + 1)),
        per_seed=tuple(float(value) for value in other - base),
    )
