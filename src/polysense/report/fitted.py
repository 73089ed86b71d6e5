"""Predicted against true scores: the scatter of the rows, and what class is taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from polysense.metrics.sentiment import SIMS_EDGES, Dataset, clipped, intervals
from polysense.report.classes import Cell, shares
from polysense.report.figure import ACCENT, CONTRAST, MUTED, drawing
from polysense.report.run import Run
from polysense.report.scores import Spread, numbered_rows
from polysense.report.section import Section, render

Singles = NDArray[np.float32]

DOTS = 1200
"""Rows that are drawn; of more, as many that lie evenly in the file."""

SEVEN = ("−3", "−2", "−1", "0", "+1", "+2", "+3")
FIVE = ("negative", "weakly negative", "neutral", "weakly positive", "positive")


@dataclass(frozen=True, slots=True)
class Fit:
    """Rows with a true and a predicted score."""

    truth: Singles
    """(rows,)"""
    found: Singles
    """(seeds, rows)"""


def fitted(run: Run, against: Sequence[Run]) -> Section | None:
    """The scatter, how far predictions lean and spread, and the confusion of the classes of the metrics."""
    del against
    fit = fit_of(run)
    if fit is None:
        return None
    names = FIVE if run.rules == "sims" else SEVEN
    cells, kept = confused(fit, rules=run.rules, classes=len(names))
    return Section(
        "fitted",
        "Predicted and true scores",
        render(
            "fitted.html",
            figure=scatter(fit),
            drawn=len(drawn(fit)),
            rows=len(fit.truth),
            seeds=len(fit.found),
            lean=Spread(tuple(float(value) for value in (fit.found - fit.truth).mean(axis=1))),
            spread=Spread(tuple(float(value) for value in fit.found.std(axis=1))),
            true_spread=float(fit.truth.std()),
            labels=[names[place] for place in kept],
            cells=cells,
            rules=run.rules,
        ),
    )


def fit_of(run: Run) -> Fit | None:
    """The rows that every seed has given a score; none where rows have labels or no scores."""
    parts = [{str(row["id"]): row for row in numbered_rows(part)} for part in run.shown.values()]
    ids = [name for name in (parts[0] if parts else ()) if all(name in part for part in parts)]
    if not ids:
        return None
    truth = np.array([parts[0][name]["target"] for name in ids], dtype=np.float32)
    found = np.array([[part[name]["score"] for name in ids] for part in parts], dtype=np.float32)
    return Fit(truth, found)


def drawn(fit: Fit) -> NDArray[np.int64]:
    """The places of the rows that are drawn."""
    rows = len(fit.truth)
    return np.unique(np.linspace(0, rows - 1, min(rows, DOTS)).round().astype(np.int64))


def scatter(fit: Fit) -> Markup:
    """A dot a row, the mean over the seeds over the truth; a line through the means of rows of like truth."""
    places, mean = drawn(fit), fit.found.mean(axis=0)
    low, high = (float(value) for value in (min(fit.truth.min(), mean.min()), max(fit.truth.max(), mean.max())))
    room = 0.04 * (high - low) or 1.0
    with drawing(width=340, height=330, name="fitted", label="Predicted over true scores, a dot a row") as figure:
        axes = figure.axes
        axes.grid(visible=True, axis="both")
        axes.plot([low - room, high + room], [low - room, high + room], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.scatter(fit.truth[places], mean[places], s=13, color=ACCENT, alpha=0.55, linewidth=0)
        axes.plot(*like_truth(fit.truth, mean), "o-", color=CONTRAST, markersize=4, linewidth=1.6)
        axes.set_xlim(low - room, high + room)
        axes.set_ylim(low - room, high + room)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        axes.set_box_aspect(1)
        axes.set_xlabel("true score")
        axes.set_ylabel("predicted score")
    return figure.svg


def like_truth(truth: Singles, found: Singles, *, groups: int = 8) -> tuple[list[float], list[float]]:
    """Mean truth and mean prediction of up to ``groups`` groups of equally many rows, by truth; equal truths stay together."""
    edges = np.unique(np.quantile(truth, np.linspace(0, 1, groups + 1)[1:-1]))
    group = np.searchsorted(edges, truth, side="left")
    kept = [group == place for place in np.unique(group)]
    return [float(truth[rows].mean()) for rows in kept], [float(found[rows].mean()) for rows in kept]


def confused(fit: Fit, *, rules: Dataset, classes: int) -> tuple[list[list[Cell]], list[int]]:
    """Mean counts over the seeds, row = truth, and the numbers of the classes that occur on either side."""
    truth, found = class_of(fit.truth, rules=rules), class_of(fit.found, rules=rules)
    counts = np.zeros((len(found), classes, classes))
    for seed, answers in enumerate(found):
        np.add.at(counts[seed], (truth, answers), 1)
    mean = counts.mean(axis=0)
    kept = [place for place in range(classes) if mean[place].any() or mean[:, place].any()]
    return shares(mean[np.ix_(kept, kept)]), kept


def class_of(scores: Singles, *, rules: Dataset) -> NDArray[np.int64]:
    """The class that ``Mult_acc_7`` of MOSI, or ``Mult_acc_5`` of SIMS, puts each score in, from 0 on."""
    if rules == "sims":
        return intervals(clipped(scores)[0], SIMS_EDGES["Mult_acc_5"])
    rounded: NDArray[np.int64] = np.round(np.clip(scores, -3, 3)).astype(np.int64) + 3
    return rounded
