"""Whether the probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from polysense.metrics.calibration import ReliabilityBins, brier, expected_calibration_error, nll, reliability_bins
from polysense.report.chances import labelled_chances
from polysense.report.figure import ACCENT, MUTED, PAPER, RULE, drawing
from polysense.report.run import Run
from polysense.report.scores import Spread
from polysense.report.section import Section, render
from polysense.report.units import points

BINS = 15

CLOSE = 0.015
"""A gap between confidence and right answers below which the two are about equal."""

SAME_CHANCE = 0.02
"""Probabilities of a class that lie no further apart are one for all rows."""


def calibration(run: Run, against: Sequence[Run]) -> Section | None:
    """The reliability diagram of all seeds' rows, and the calibration error over seeds."""
    del against
    labels = run.labels
    if len(labels) < 2:
        return None
    parts = [labelled_chances(predictions, labels=labels) for predictions in run.shown.values()]
    parts = [(chances, truth) for chances, truth in parts if len(truth)]
    if not parts:
        return None
    numbers = {
        name: Spread(tuple(function(chances, truth) for chances, truth in parts))
        for name, function in (("ece", expected_calibration_error), ("brier", brier), ("nll", nll))
    }
    pooled = reliability_bins(np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]), BINS)
    confidence = Spread(tuple(float(chances.max(axis=1).mean()) for chances, _ in parts))
    accuracy = Spread(tuple(float((chances.argmax(axis=1) == truth).mean()) for chances, truth in parts))
    return Section(
        "calibration",
        "Calibration",
        render(
            "calibration.html",
            numbers=numbers,
            confidence=confidence,
            accuracy=accuracy,
            figure=diagram(pooled),
            bins=BINS,
            verdict=verdict(confidence.mean - accuracy.mean, numbers["ece"].mean, parts),
            seeds=len(parts),
        ),
    )


def verdict(gap: float, error: float, parts: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]]) -> str:
    """What the mean confidence less the share of right answers, and the calibration error, say together.

    Args:
        gap: a fraction.
        error: the expected calibration error.
        parts: of each seed the probabilities (rows, K) and the true classes (rows,).
    """
    if all(np.ptp(chances, axis=0).max() < SAME_CHANCE for chances, _ in parts):
        return "It gives all rows the same probabilities, at best the shares of the classes: they tell no row from another."
    if abs(gap) >= CLOSE:
        return (
            f"It is too sure by {points(gap)} points."
            if gap > 0
            else f"It is less sure than it could be, by {points(-gap)} points."
        )
    if error < 2 * CLOSE:
        return "It is about as sure as it should be."
    return (
        "On average that is as sure as it should be, but too sure of some answers and not sure enough of others, of this or another "
        f"seed: by {points(error)} points."
    )


def diagram(bins: ReliabilityBins) -> Markup:
    """Accuracy over confidence; the area of a dot is its share of the rows, the line from it its distance to the diagonal."""
    with drawing(width=340, height=320, name="reliability", label="Accuracy over confidence, in bins of confidence") as drawn:
        axes = drawn.axes
        axes.grid(visible=True, axis="both")
        axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        full = bins.counts > 0
        x, y, share = 100 * bins.confidence[full], 100 * bins.accuracy[full], bins.counts[full] / bins.counts.sum()
        axes.vlines(x, x, y, color=ACCENT, linewidth=1.2, alpha=0.7)
        axes.scatter(x, y, s=16 + 900 * share, color=ACCENT, edgecolor=PAPER, linewidth=1.2, zorder=3)
        axes.set_xlim(-3, 103)
        axes.set_ylim(-3, 103)
        axes.set_xticks(range(0, 101, 25))
        axes.set_yticks(range(0, 101, 25))
        axes.set_box_aspect(1)
        axes.spines["left"].set_color(RULE)
        axes.set_xlabel("confidence, %")
        axes.set_ylabel("right answers, %")
    return drawn.svg
