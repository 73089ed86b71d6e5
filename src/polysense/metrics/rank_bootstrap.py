"""The difference between the rank correlations of two systems with gold scores, resampled over seeds and pairs.

As in :mod:`polysense.metrics.bootstrap`, one draw of rows serves all seeds and both systems. A rank correlation is no function of
sums over rows, so the ranks of every draw are found anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polysense.metrics.bootstrap import CHUNK, PairedDifference, describe
from polysense.metrics.correlation import spearman

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Resampled:
    """Two systems and what became of their difference in every draw."""

    base: Floats
    """(seeds,)"""
    other: Floats
    differences: Floats
    """(resamples,): over the drawn seeds, ``other - base``."""

    @property
    def described(self) -> PairedDifference:
        """With interval and p-value."""
        return describe(self.base, self.other, differences=self.differences)


def resampled_spearman(base: Floats, other: Floats, gold: Floats, *, resamples: int, seed: int, part: int = 0) -> Resampled:
    """Spearman's correlation of scores (seeds, rows) with gold scores (rows,).

    A draw in which one side is constant counts as no correlation.

    Args:
        base: scores of the one system.
        other: of the other, on the same seeds and rows.
        gold: what both are held against.
        resamples: draws.
        seed: of the draws.
        part: of a benchmark of several sets the number of this one: equal ``seed`` draws the same seeds for all parts, so that
            they can be averaged draw by draw, and other rows for each.
    """
    if base.shape != other.shape or base.ndim != 2 or base.shape[1:] != gold.shape or 0 in base.shape:
        raise ValueError(f"base, other (seeds, rows) and gold (rows,) do not fit: {base.shape}, {other.shape}, {gold.shape}")
    seeds, rows = base.shape
    weights = np.random.default_rng(seed).multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
    generator = np.random.default_rng([seed, part])
    sides = [_Ranked(scores) for scores in (gold, *base, *other)]
    step = max(1, CHUNK // rows)
    differences = np.empty(resamples)
    for start in range(0, resamples, step):
        chosen = slice(start, min(start + step, resamples))
        counts = generator.multinomial(rows, np.full(rows, 1 / rows), size=chosen.stop - start).astype(np.float64)
        wanted, *found = (side.ranks(counts) for side in sides)
        values = np.stack([_weighted_correlation(ranks, wanted, counts) for ranks in found], axis=1)
        differences[chosen] = ((values[:, seeds:] - values[:, :seeds]) * weights[chosen]).sum(axis=1)
    before, after = (np.array([spearman(scores, gold) for scores in arm]) for arm in (base, other))
    return Resampled(before, after, differences)


def averaged(parts: Sequence[Resampled]) -> Resampled:
    """The plain mean over the parts of a benchmark, whose seeds were drawn alike."""
    return Resampled(
        np.mean([part.base for part in parts], axis=0),
        np.mean([part.other for part in parts], axis=0),
        np.mean([part.differences for part in parts], axis=0),
    )


class _Ranked:
    """Values in order, so that their ranks in any draw are running sums."""

    def __init__(self, values: Floats) -> None:
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._first = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])  # of those that tie
        tie_of = np.repeat(np.arange(len(self._first)), np.diff([*self._first, len(values)]))
        self._tie = np.empty(len(values), dtype=np.intp)
        self._tie[self._order] = tie_of

    def ranks(self, counts: Floats) -> Floats:
        """The mean rank of each row's value in draws that hold it ``counts`` times, (draws, rows)."""
        tied = np.add.reduceat(counts[:, self._order], self._first, axis=1)
        ranks: Floats = (np.cumsum(tied, axis=1) - (tied - 1) / 2)[:, self._tie]
        return ranks


def _weighted_correlation(x: Floats, y: Floats, counts: Floats) -> Floats:
    """Pearson's correlation of ranks in every draw, (draws,); 0 where a side is constant."""
    middle = (counts.sum(axis=1, keepdims=True) + 1) / 2
    x, y = x - middle, y - middle
    both, left, right = ((counts * one * two).sum(axis=1) for one, two in ((x, y), (x, x), (y, y)))
    lengths = np.sqrt(left * right)
    found: Floats = np.divide(both, lengths, out=np.zeros_like(both), where=lengths > 0)
    return found
