"""Whether the probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from polysense.metrics.calibration import ReliabilityBins, brier, expected_calibration_error, nll, reliability_bins
from polysense.report.chances import labelled_chances
from polysense.report.figure import ACCENT, MUTED, PAPER, RULE, drawing
from polysense.report.run import Run
from polysense.report.scores import Spread
from polysense.report.section import Section, render

BINS = 15


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
            seeds=len(parts),
        ),
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
