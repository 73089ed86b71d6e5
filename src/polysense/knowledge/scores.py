"""How strongly words keep company with praise rather than blame: pointwise mutual information with seeds."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Balance = Literal["mean", "sum"]


def pointwise_mutual_information(
    together: NDArray[np.int64],
    words: NDArray[np.int64],
    seeds: NDArray[np.int64],
    windows: int,
    *,
    smoothing: float = 0.0,
) -> NDArray[np.float64]:
    """PMI(w, s) = ln( c(w, s) n / (c(w) c(s)) ), and 0 where c(w, s) is 0: what was never seen together says nothing.

    Args:
        together: (words, seeds) windows that hold both, c(w, s).
        words: (words,) windows that hold the word, c(w), none 0.
        seeds: (seeds,) windows that hold the seed, c(s), none 0.
        windows: all windows, n.
        smoothing: added to c(w, s).

    Returns:
        (words, seeds).
    """
    joint = together + smoothing
    ratio = joint * float(windows) / (words[:, None] * seeds[None, :].astype(np.float64))
    return np.log(ratio, out=np.zeros(joint.shape), where=joint > 0)


def word_polarity(pmi: NDArray[np.float64], negatives: int, *, balance: Balance = "mean") -> NDArray[np.float64]:
    """WP(w) = mean over positive seeds of PMI(w, s) - mean over negative seeds of PMI(w, s).

    Args:
        pmi: (words, seeds), the negative seeds first.
        negatives: how many they are.
        balance: ``sum`` in the place of the means, as in the paper: then the longer list weighs more.

    Returns:
        (words,).
    """
    sides = [_added(pmi[:, :negatives]), _added(pmi[:, negatives:])]
    if balance == "mean":
        sides = [sides[0] / negatives, sides[1] / (pmi.shape[1] - negatives)]
    return sides[1] - sides[0]


def _added(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Column by column, so that a side adds up to the same number wherever it stands."""
    total = np.zeros(len(columns))
    for column in columns.T:
        total += column
    return total
