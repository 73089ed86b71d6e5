"""From which probability on a class is answered: one threshold a class, so that rare classes are answered, too."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

ROUNDS, CUTS = 3, 64
"""Times that each class is looked at, and thresholds that are tried each time."""

ENOUGH = 1e-9
"""A gain of F1 below which nothing is changed: of equal thresholds the first stays."""


def answered(probabilities: ArrayLike, thresholds: ArrayLike) -> NDArray[np.intp]:
    """The class (rows,) whose probability exceeds its threshold most, as a ratio; with equal thresholds the likeliest."""
    ratio: Floats = np.asarray(probabilities, dtype=np.float64) / np.asarray(thresholds, dtype=np.float64)
    found: NDArray[np.intp] = ratio.argmax(axis=1)
    return found


def macro_f1(found: NDArray[np.intp], truth: NDArray[np.intp], classes: int) -> float:
    """The mean of the classes' F1; of a class that neither side has it is 0."""
    hits = np.bincount(truth[found == truth], minlength=classes)
    both = np.bincount(truth, minlength=classes) + np.bincount(found, minlength=classes)
    return float(np.mean(np.divide(2.0 * hits, both, out=np.zeros(classes), where=both > 0)))


def fitted_thresholds(probabilities: ArrayLike, truth: ArrayLike) -> Floats:
    """The thresholds (classes,), which sum to 1, with the largest macro F1 of :func:`answered`: class by class, in a few rounds.

    Nothing is known of a class without a true row: it keeps an even threshold, and those of the others are fitted among themselves.

    Args:
        probabilities: (rows, classes), one class a row.
        truth: (rows,) class numbers.
    """
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(truth, dtype=np.intp)
    classes = p.shape[1]
    found = np.full(classes, 1 / classes)
    there = np.unique(y)
    if len(there) < 2:
        return found
    if len(there) < classes:
        found[there] = fitted_thresholds(p[:, there], np.searchsorted(there, y)) * len(there) / classes
        return found
    best = macro_f1(answered(p, found), y, classes)
    for _ in range(ROUNDS):
        before = best
        for label in range(classes):
            others = np.delete(p / found, label, axis=1).max(axis=1)
            ratios = np.sort(p[:, label] / np.maximum(others, 1e-12))  # the row is answered with the class below this threshold
            tries = np.unique(
                np.quantile((ratios[1:] + ratios[:-1]) / 2 if len(ratios) > 1 else ratios, np.linspace(0, 1, CUTS))
            )
            for cut in tries[(tries > 0) & np.isfinite(tries)]:
                tried = found.copy()
                tried[label] = cut
                if (score := macro_f1(answered(p, tried), y, classes)) > best + ENOUGH:
                    best, found = score, tried
        if best <= before + ENOUGH:
            break
    shares: Floats = np.clip(found / found.sum(), 1e-6, 1.0)
    return shares


def fitted_cuts(probabilities: ArrayLike, truth: ArrayLike) -> Floats:
    """The probability (classes,) from which on each class is answered with the largest F1, where a row may have several.

    A class without a true row keeps one half.

    Args:
        probabilities: (rows, classes).
        truth: (rows, classes), 0 and 1.
    """
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(truth) > 0
    found = np.full(p.shape[1], 0.5)
    for label in range(p.shape[1]):
        order = np.argsort(-p[:, label], kind="stable")
        chances, hits = p[order, label], y[order, label].cumsum()
        if not len(hits) or not hits[-1]:
            continue
        f1 = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1])
        last = np.append(chances[1:] < chances[:-1], True)  # equal probabilities stand or fall together
        f1 = np.where(last, f1, -1.0)
        already = 2 * (y[:, label] & (p[:, label] >= 0.5)).sum() / max(1, (p[:, label] >= 0.5).sum() + hits[-1])
        if f1.max() > already + ENOUGH:
            place = int(f1.argmax())
            below = chances[place + 1] if place + 1 < len(chances) else 0.0
            found[label] = (chances[place] + below) / 2
    cuts: Floats = np.clip(found, 1e-6, 1 - 1e-6)
    return cuts
