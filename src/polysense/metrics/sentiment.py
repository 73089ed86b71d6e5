"""How well predicted sentiment scores follow those that people gave, by the rules and the names of the field.

MOSI and MOSEI (scores from -3 to 3) draw the line between two classes twice, and both are always given. ``Has0`` is negative
against non-negative, over all rows; ``Non0`` is negative against positive, over the rows whose true score is not exactly 0 (a
prediction of 0 is negative there). ``Mult_acc_5`` and ``Mult_acc_7`` clip to 2 or 3 and round, halves to the even number. SIMS
(from -1 to 1) clips both sides first, also for MAE and Corr; its classes are intervals closed above, so that 0 is NEGATIVE in
``Mult_acc_2``. F1 is weighted by the support of the true classes. Values are compared in float32, with edges in float32.

What has no value, such as the correlation of a constant, is NaN. All follows from sums over rows, so the same code scores one set
of predictions and thousands of resampled ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polysense.errors import choices
from polysense.metrics.classification import label_outcomes, ratio, single_label_scores
from polysense.metrics.correlation import pearson

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

Dataset = Literal["mosi", "sims"]

SIDES = ("negative", "positive")
"""The classes of each of the two-class measures."""

SIMS_EDGES: dict[str, tuple[float, ...]] = {"Mult_acc_3": (-0.1, 0.1), "Mult_acc_5": (-0.7, -0.1, 0.1, 0.7)}

OF_EACH = ("MAE", "Corr")
"""The metrics that are also given of the score of each modality by itself, as ``MAE/text``."""

DOUBTFUL = 1e-9
"""The share of the mean square below which a variance, made from sums, may be all rounding."""


def msa_regression(predictions: ArrayLike, labels: ArrayLike, *, dataset: Dataset = "mosi") -> dict[str, float]:
    """The metrics of scores (rows,) against true ones (rows,); fractions from 0 to 1, MAE in units of the scores.

    ``mosi``: ``Has0_acc_2, Has0_F1_score, Non0_acc_2, Non0_F1_score, Mult_acc_5, Mult_acc_7, MAE, Corr``.
    ``sims``: ``Mult_acc_2, Mult_acc_3, Mult_acc_5, F1_score, MAE, Corr``.
    NaN where there is nothing to measure: no rows, no row with a score other than 0 (``Non0``), one value in all rows (``Corr``).

    Raises:
        ValueError: a number is not finite (names its row, from 0), the sides differ in length, or there is no such data set.
    """
    found, truth = paired(predictions, labels, dataset=dataset)
    metrics = {
        name: float(value)
        for name, value in msa_scores(msa_outcomes(found, truth, dataset=dataset).sum(axis=0), dataset=dataset).items()
    }
    if dataset == "sims":
        found, truth = clipped(found, truth)
    return {**metrics, "Corr": pearson(found, truth)}


def msa_outcomes(predictions: ArrayLike, labels: ArrayLike, *, dataset: Dataset) -> Floats:
    """What each row adds to the sums (rows, sums) that :func:`msa_scores` reads; raises as :func:`msa_regression`."""
    found, truth = paired(predictions, labels, dataset=dataset)
    if dataset == "sims":
        found, truth = clipped(found, truth)
        blocks = [two_classes(found > 0, truth > 0)]
        blocks += [np.equal(*(intervals(side, edges) for side in (found, truth)))[:, None] for edges in SIMS_EDGES.values()]
    else:
        some = truth != 0
        blocks = [two_classes(found >= 0, truth >= 0), two_classes(found > 0, truth > 0) * some[:, None]]
        blocks += [np.equal(*(np.round(np.clip(side, -most, most)) for side in (found, truth)))[:, None] for most in (2, 3)]
    x, y = found.astype(np.float64), truth.astype(np.float64)
    moments = np.stack([np.abs(found - truth), x, y, x * x, y * y, x * y, np.ones_like(x)], axis=1)
    return np.concatenate([*blocks, moments], axis=1, dtype=np.float64)


def msa_scores(sums: Floats, *, dataset: Dataset) -> dict[str, Floats]:
    """The metrics of summed outcomes (..., sums): each name with its values (...).

    ``Corr`` is 0 where a side is constant, as far as its sums can tell; :func:`msa_regression` looks at the values themselves.
    """
    names = ("Has0_acc_2", "Has0_F1_score", "Non0_acc_2", "Non0_F1_score") if dataset == "mosi" else ("Mult_acc_2", "F1_score")
    width, metrics = 3 * len(SIDES) + 2, {}
    for place in range(len(names) // 2):
        part = sums[..., place * width : (place + 1) * width]
        scores = single_label_scores(part, labels=SIDES)
        for name, score in zip(names[2 * place :], ("accuracy", "weighted_f1"), strict=False):
            metrics[name] = np.where(part[..., -1] > 0, scores[score], np.nan)
    rest = sums[..., len(names) // 2 * width :]
    rows = rest[..., -1]
    for place, name in enumerate(SIMS_EDGES if dataset == "sims" else ("Mult_acc_5", "Mult_acc_7")):
        metrics[name] = share(rest[..., place], rows)
    error, x, y, xx, yy, xy = (share(rest[..., place], rows) for place in range(2, 8))
    spread_x, spread_y = ((square - mean**2) * (square - mean**2 > DOUBTFUL * square) for square, mean in ((xx, x), (yy, y)))
    return {**metrics, "MAE": error, "Corr": ratio(xy - x * y, np.sqrt(spread_x * spread_y))}


def paired(predictions: ArrayLike, labels: ArrayLike, *, dataset: str) -> tuple[Singles, Singles]:
    """Both sides in float32; ValueError as of :func:`msa_regression`."""
    if dataset not in get_args(Dataset):
        raise ValueError(f"there is no data set {dataset!r}; {choices(dataset, get_args(Dataset))}")
    found, truth = np.asarray(predictions, dtype=np.float32), np.asarray(labels, dtype=np.float32)
    if found.ndim != 1 or found.shape != truth.shape:
        raise ValueError(f"predictions and labels must have one shape (rows,), not {found.shape} and {truth.shape}")
    for name, side in (("prediction", found), ("label", truth)):
        if not np.isfinite(side).all():
            row = int(np.flatnonzero(~np.isfinite(side))[0])
            raise ValueError(f"row {row}: the {name} is {side[row]}, not a number to measure")
    return found, truth


def clipped(*sides: Singles) -> list[Singles]:
    """Each to the range of SIMS."""
    return [np.clip(side, -1, 1) for side in sides]


def intervals(values: Singles, edges: Sequence[float]) -> NDArray[np.int64]:
    """The number (rows,) of the interval, closed above, that each value is in."""
    return np.searchsorted(np.asarray(edges, dtype=np.float32), values, side="left")


def two_classes(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """What each row adds to the counts of :mod:`polysense.metrics.classification`; True is the positive class."""
    answers, targets = ([[SIDES[int(one)]] for one in side] for side in (found, truth))
    return label_outcomes(targets, answers, labels=SIDES)


def share(part: Floats, rows: Floats) -> Floats:
    """``part / rows``, NaN where there are no rows."""
    return np.where(rows > 0, ratio(part, rows), np.nan)
