"""One number that makes probabilities mean what they say (Guo, Pleiss, Sun, Weinberger, ICML 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 0.05, 20.0
"""Between which the temperature is looked for."""


def fitted_temperature(logits: ArrayLike, truth: ArrayLike) -> float:
    """The likeliest temperature T > 0 by which to divide the logits: log T is expected to be standard normal, before any row is seen.

    ``T`` has the lowest sum of the rows' log losses and of (log T)² / 2. Of some hundred rows it is the one with the lowest log loss.
    A few rows leave it near 1: where all of them are right, the log loss alone would have it 0, and be wrong on the next ones
    without any doubt.

    Args:
        logits: (rows, classes); logarithms of probabilities will do where a row has one class.
        truth: (rows,) class numbers; or (rows, classes) 0 and 1, where a row may have several classes.

    Raises:
        ValueError: there are no rows, or the two do not fit.
    """
    z, y = np.asarray(logits, dtype=np.float64), np.asarray(truth)
    if z.ndim != 2 or not len(z) or y.shape not in {z.shape, z.shape[:1]}:
        raise ValueError(f"logits (rows, classes) and truth (rows,) or (rows, classes) do not fit: {z.shape} and {y.shape}")
    loss = _one_class if y.ndim == 1 else _several
    bounds = (np.log(LOWEST), np.log(HIGHEST))
    found = minimize_scalar(
        lambda log: loss(z / np.exp(log), y) + log**2 / 2, bounds=bounds, method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def _one_class(z: Floats, truth: NDArray[np.integer]) -> float:
    return float(-log_softmax(z, axis=1)[np.arange(len(z)), truth].sum())


def _several(z: Floats, truth: NDArray[np.integer]) -> float:
    return float(np.logaddexp(0, np.where(truth > 0, -z, z)).sum())
