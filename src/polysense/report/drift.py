"""Labels that a model made for each modality: how far they drift from the clips' scores, and whether they come to rest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars
from matplotlib.ticker import MaxNLocator

from polysense.errors import DataError, display
from polysense.report.curves import Panel
from polysense.report.figure import ACCENT, CONTRAST, INK, MUTED, VARIABLES, drawing
from polysense.report.run import Run
from polysense.report.scores import Spread
from polysense.report.section import Section, render
from polysense.types import MODALITIES

COLOURS = {"text": ACCENT, "image": MUTED, "audio": CONTRAST, "video": INK}

SCORE = "y_m"
"""The column of the clips' own scores."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one modality, at one evaluation of one seed."""

    epoch: float
    distance: float
    """Mean of |label - the clip's score|."""
    moved: float
    """Mean of |label - the label at the evaluation before|; NaN at the first."""
    turned: float
    """The share of the rows, of those whose score is not 0, whose label has the other sign."""
    rows: int


@dataclass(frozen=True, slots=True)
class Last:
    """The labels of one modality at the last evaluation, over the seeds."""

    modality: str
    rows: int
    distance: Spread
    turned: Spread


Course = dict[int, list[Labels]]
"""Of one modality: by seed, evaluation by evaluation."""


def drift(run: Run, against: Sequence[Run]) -> Section | None:
    """Two panels over the epochs, a line a modality, and the table of the last evaluation."""
    del against
    courses = courses_of(run)
    if not courses:
        return None
    panels = [
        panel("Mean distance of labels from the clip's score", courses, name="distance"),
        panel("Mean movement since the evaluation before", courses, name="moved"),
    ]
    lasts = [
        Last(
            name,
            max(steps[-1].rows for steps in course.values()),
            Spread(tuple(steps[-1].distance for steps in course.values())),
            Spread(tuple(steps[-1].turned for steps in course.values())),
        )
        for name, course in courses.items()
    ]
    return Section(
        "drift",
        "Labels made for the modalities",
        render(
            "drift.html",
            panels=[one for one in panels if one is not None],
            lasts=lasts,
            keys={name: f"var(--{VARIABLES[COLOURS[name]]})" for name in courses},
            seeds=max(len(course) for course in courses.values()),
        ),
    )


def courses_of(run: Run) -> dict[str, Course]:
    """The labels of every modality that has some. Raises DataError for a file that cannot be read."""
    courses: dict[str, Course] = {}
    for seed in run.seeds:
        epochs = {int(entry["step"]): float(entry["epoch"]) for entry in run.evaluations[seed]}
        before: polars.DataFrame | None = None
        for step, table in tables(run.path / f"seed-{seed}" / "memory"):
            if step not in epochs:
                continue
            for name in MODALITIES:
                if (found := labels_of(table, before, f"y_{name[0]}", epoch=epochs[step])) is not None:
                    courses.setdefault(name, {}).setdefault(seed, []).append(found)
            before = table
    return {name: courses[name] for name in MODALITIES if name in courses}


def tables(folder: Path) -> Iterator[tuple[int, polars.DataFrame]]:
    """Step and table of each evaluation, of the first objective that remembers labels. Raises as :func:`courses_of`."""
    chosen = None
    for file in sorted(folder.glob("*.parquet")):
        objective, _, step = file.stem.rpartition(".")
        try:
            table = polars.read_parquet(file)
        except (polars.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{display(file)} is damaged: {str(error).splitlines()[0]}") from error
        if SCORE in table.columns and step.isdecimal() and chosen in (None, objective):
            chosen = objective
            yield int(step), table


def labels_of(table: polars.DataFrame, before: polars.DataFrame | None, column: str, *, epoch: float) -> Labels | None:
    """One modality's labels, in the rows that have one; None where no row has."""
    if column not in table.columns:
        return None
    now, score = (table[name].cast(polars.Float64).to_numpy() for name in (column, SCORE))
    known = np.isfinite(now) & np.isfinite(score)
    if not known.any():
        return None
    signed = known & (score != 0)
    moved = math.nan
    if before is not None and column in before.columns and before["id"].equals(table["id"]):
        steps = np.abs(now - before[column].cast(polars.Float64).to_numpy())
        moved = float(steps[np.isfinite(steps)].mean()) if np.isfinite(steps).any() else math.nan
    return Labels(
        epoch=epoch,
        distance=float(np.abs(now - score)[known].mean()),
        moved=moved,
        turned=float((now * score < 0)[signed].mean()) if signed.any() else 0.0,
        rows=int(known.sum()),
    )


def panel(title: str, courses: Mapping[str, Course], *, name: Literal["distance", "moved"]) -> Panel | None:
    """A line a modality, the mean over the seeds, in a band from the lowest seed to the highest; None without a value."""
    lines = {modality: line for modality, course in courses.items() if (line := over_seeds(course, name=name))}
    if not lines:
        return None
    with drawing(width=420, height=230, name=f"drift-{name}", label=f"{title} over the epochs, a line a modality") as drawn:
        axes = drawn.axes
        for modality, line in lines.items():
            epochs, values = [epoch for epoch, _ in line], [spread.values for _, spread in line]
            axes.fill_between(
                epochs,
                [min(some) for some in values],
                [max(some) for some in values],
                color=COLOURS[modality],
                alpha=0.16,
                lw=0,
            )
            means = [spread.mean for _, spread in line]
            axes.plot(epochs, means, "o-", color=COLOURS[modality], linewidth=1.8, markersize=3.5, markeredgewidth=0)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.set_xlabel("epoch")
    return Panel(title, drawn.svg)


def over_seeds(course: Course, *, name: Literal["distance", "moved"]) -> list[tuple[float, Spread]]:
    """Epoch and values of the seeds that came so far, evaluation by evaluation."""
    longest = max(course.values(), key=len)
    found = []
    for place, labels in enumerate(longest):
        there = [getattr(steps[place], name) for steps in course.values() if place < len(steps)]
        if values := tuple(value for value in there if math.isfinite(value)):
            found.append((labels.epoch, Spread(values)))
    return found
