"""Whether probabilities mean what they say: reliability, expected calibration error, Brier score, log loss.

``probabilities`` are (N, K) with rows that sum to 1, ``targets`` (N,) the numbers of the true classes. No rows give NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReliabilityBins:
    """Rows gathered by the probability of the class that was chosen, in bins of equal width."""

    edges: Floats
    """(bins + 1,) from 0 to 1; a bin holds its upper edge."""
    counts: NDArray[np.int64]
    """(bins,) rows."""
    confidence: Floats
    """(bins,) mean probability of the chosen class; NaN where the bin is empty."""
    accuracy: Floats
    """(bins,) fraction of right rows; NaN where the bin is empty."""


def reliability_bins(probabilities: ArrayLike, targets: ArrayLike, bins: int = 15) -> ReliabilityBins:
    """Gather the rows by confidence."""
    chances, truth = checked(probabilities, targets)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    edges = np.linspace(0.0, 1.0, bins + 1)
    confidence = chances.max(axis=1)
    right = chances.argmax(axis=1) == truth
    places = _bins_of(confidence, edges)
    counts = np.bincount(places, minlength=bins).astype(np.int64)
    empty = np.full(bins, np.nan)
    sums = (np.bincount(places, weights=values, minlength=bins) for values in (confidence, right.astype(np.float64)))
    means = [np.divide(total, counts, out=empty.copy(), where=counts > 0) for total in sums]
    return ReliabilityBins(edges=edges, counts=counts, confidence=means[0], accuracy=means[1])


def expected_calibration_error(probabilities: ArrayLike, targets: ArrayLike, bins: int = 15) -> float:
    """The sum over bins of (rows in the bin / N) * |accuracy - mean confidence| (Naeini, Cooper, Hauskrecht, AAAI 2015).

    Confidence is the probability of the likeliest class; :func:`classwise_calibration_error` is for rows of several classes.
    """
    found = reliability_bins(probabilities, targets, bins)
    if not found.counts.sum():
        return float("nan")
    gaps = np.nan_to_num(np.abs(found.accuracy - found.confidence))
    return float((gaps * found.counts).sum() / found.counts.sum())


def classwise_calibration_error(probabilities: ArrayLike, truth: ArrayLike, bins: int = 15) -> float:
    """The expected calibration error of each class's own probability, as a yes or no about it, averaged over the classes.

    Of a class the sum over bins of (rows in the bin / N) * |share of rows that have the class - its mean probability|: classwise
    ECE (Kull et al., *Beyond temperature scaling*, NeurIPS 2019), whose classes here need not exclude each other. Classes that no
    row has count like the others; probabilities of 0 are then right.

    Args:
        probabilities: (rows, classes), which need not sum to 1.
        truth: (rows, classes), 0 and 1.
        bins: of equal width, from 0 to 1; a bin holds its upper edge.

    Raises:
        ValueError: the two do not fit.
    """
    chances, right = np.asarray(probabilities, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if chances.ndim != 2 or chances.shape[1] == 0 or right.shape != chances.shape:
        raise ValueError(f"probabilities and truth must be (rows, classes) alike, not {chances.shape} and {right.shape}")
    if not len(chances):
        return float("nan")
    places = _bins_of(chances, np.linspace(0.0, 1.0, bins + 1))
    gaps = [
        np.abs(np.bincount(bin_, weights=gap, minlength=bins)).sum()
        for bin_, gap in zip(places.T, (right - chances).T, strict=True)
    ]
    return float(np.mean(gaps) / len(chances))


def _bins_of(chances: Floats, edges: Floats) -> NDArray[np.int64]:
    """The number of each probability's bin; a bin holds its upper edge, the first one its lower edge too."""
    return np.clip(np.searchsorted(edges, chances, side="left") - 1, 0, len(edges) - 2).astype(np.int64)


def brier(probabilities: ArrayLike, targets: ArrayLike) -> float:
    """The mean over rows of sum over classes of (p_k - [k is true])^2: 0 is perfect, 2 is the worst."""
    chances, truth = checked(probabilities, targets)
    if not len(truth):
        return float("nan")
    wanted = np.eye(chances.shape[1])[truth]
    return float(((chances - wanted) ** 2).sum(axis=1).mean())


def nll(probabilities: ArrayLike, targets: ArrayLike) -> float:
    """The mean over rows of -log p(true class), in nats."""
    losses = row_nll(probabilities, targets)
    return float(losses.mean()) if len(losses) else float("nan")


def row_nll(probabilities: ArrayLike, targets: ArrayLike) -> Floats:
    """-log p(true class) of each row (N,), in nats; a probability of 0 counts as the smallest positive number."""
    chances, truth = checked(probabilities, targets)
    picked = chances[np.arange(len(truth)), truth]
    losses: Floats = -np.log(np.maximum(picked, np.finfo(np.float64).tiny))
    return np.abs(losses)


def checked(probabilities: ArrayLike, targets: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    """Both as arrays; ValueError unless they are (N, K) and (N,) with classes below K."""
    chances = np.asarray(probabilities, dtype=np.float64)
    truth = np.asarray(targets, dtype=np.int64)
    if chances.ndim != 2 or chances.shape[1] == 0:
        raise ValueError(f"probabilities must be (rows, classes), not {chances.shape}")
    if truth.shape != chances.shape[:1]:
        raise ValueError(f"targets must be ({chances.shape[0]},), not {truth.shape}")
    if len(truth) and not (truth.min() >= 0 and truth.max() < chances.shape[1]):
        raise ValueError(f"targets must be class numbers from 0 to {chances.shape[1] - 1}, not {truth.min()} to {truth.max()}")
    return chances, truth
