"""Training: the loss, each objective's term and the validation metric over the steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from polysense.recipe.recipe import LAST
from polysense.report.figure import ACCENT, CONTRAST, MUTED, drawing
from polysense.report.run import Run
from polysense.report.section import Section, render
from polysense.report.units import plain, scale

Floats = NDArray[np.float64]

POINTS = 240
"""A curve is drawn with at most this many points."""

SMOOTHING = 40
"""The running mean covers one part in so many of the steps."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One small figure with its caption."""

    title: str
    figure: Markup


def curves(run: Run, against: Sequence[Run]) -> Section | None:
    """A panel for the loss, one for each term, one for the metric that chose the checkpoint."""
    del against
    journals = {seed: entries for seed, entries in run.journals.items() if entries}
    if not journals:
        return None
    last = max(int(entries[-1]["step"]) for entries in journals.values())
    window = max(1, last // SMOOTHING)
    terms, parts = names_under("terms", journals), names_under("parts", journals)
    shown = [("Loss", value_of("loss"))]
    for name in terms:
        own = [part for part in parts if part.startswith(f"{name}/")]
        shown.append((plain(name), value_of("terms", name)))
        shown += [(f"{plain(name)}: {part.removeprefix(f'{name}/')}", value_of("parts", part)) for part in own]
    panels = [
        panel(run, journals, title, read, name=f"curve-{number}", window=window, last=last)
        for number, (title, read) in enumerate(shown)
    ]
    metric = run.record.get("best_metric")
    if metric and metric != LAST and (chosen := validation(run, metric, last=last)):
        panels.append(chosen)
    return Section("training", "Training", render("curves.html", run=run, panels=panels, window=window, seeds=list(journals)))


def names_under(field: str, journals: Mapping[int, Sequence[Mapping[str, Any]]]) -> list[str]:
    """The names that the entries have values of, under ``field``."""
    return list(dict.fromkeys(name for entries in journals.values() for entry in entries for name in entry.get(field) or {}))


def value_of(field: str, name: str | None = None) -> Callable[[Mapping[str, Any]], Any]:
    """Read a field of a journal's entry, or what stands there under a name: an objective's term, a part of one."""
    return lambda entry: entry.get(field) if name is None else (entry.get(field) or {}).get(name)


def panel(
    run: Run,
    journals: Mapping[int, Sequence[Mapping[str, Any]]],
    title: str,
    read: Callable[[Mapping[str, Any]], Any],
    *,
    name: str,
    window: int,
    last: int,
) -> Panel:
    """A value of the journals over the steps, smoothed, a line a seed; the seed that predicts in colour."""
    with drawing(width=320, height=200, name=name, label=f"{title} over the optimizer steps, a line a seed") as drawn:
        for seed in drawn_last(run.best_seed, list(journals)):
            kept = [(entry["step"], read(entry)) for entry in journals[seed] if read(entry) is not None]
            if not kept:
                continue
            steps, values = (np.array(column, dtype=np.float64) for column in zip(*kept, strict=True))
            places = np.unique(np.linspace(0, len(steps) - 1, POINTS).round().astype(int))
            best = seed == run.best_seed
            drawn.axes.plot(
                steps[places],
                running_mean(values, window)[places],
                color=ACCENT if best else MUTED,
                alpha=1 if best else 0.55,
                linewidth=1.8 if best else 1.0,
            )
        step_axis(drawn.axes, last)
    return Panel(title, drawn.svg)


def validation(run: Run, metric: str, *, last: int) -> Panel | None:
    """The metric on validation, with the checkpoint that was kept."""
    found = {
        seed: [(entry["step"], entry["metrics"][metric]) for entry in entries if metric in entry.get("metrics", {})]
        for seed, entries in run.evaluations.items()
    }
    found = {seed: pairs for seed, pairs in found.items() if pairs}
    if not found:
        return None
    factor = scale(metric)
    pick = max if run.record.get("greater_is_better", True) else min
    title = f"{plain(metric)} on validation"
    with drawing(
        width=320, height=200, name="curve-validation", label=f"{title} over the optimizer steps, a line a seed"
    ) as drawn:
        for seed in drawn_last(run.best_seed, list(found)):
            steps, values = (np.array(column, dtype=np.float64) for column in zip(*found[seed], strict=True))
            best = seed == run.best_seed
            colour = ACCENT if best else MUTED
            style: dict[str, Any] = {
                "alpha": 1.0 if best else 0.55,
                "linewidth": 1.8 if best else 1.0,
                "markersize": 3.5 if best else 2.5,
            }
            drawn.axes.plot(steps, factor * values, "o-", color=colour, markeredgewidth=0, **style)
            judged = [pair for pair in found[seed] if not math.isnan(pair[1])]
            if best and judged:
                step, value = pick(judged, key=lambda pair: pair[1])
                ring: dict[str, Any] = {
                    "markersize": 9,
                    "markeredgewidth": 1.8,
                    "markerfacecolor": "none",
                    "markeredgecolor": CONTRAST,
                    "clip_on": False,
                }
                drawn.axes.plot([step], [factor * value], "o", **ring)
        step_axis(drawn.axes, last)
    return Panel(title + (", points" if factor != 1 else ""), drawn.svg)


def drawn_last(best: int | None, seeds: Sequence[int]) -> list[int]:
    """The seeds with the one that predicts at the end, so that its line lies on top."""
    return sorted(seeds, key=lambda seed: (seed == best, seed))


def step_axis(axes: Any, last: int) -> None:
    """The same steps below every panel."""
    axes.set_xlim(0, last)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.set_xlabel("step")


def running_mean(values: Floats, window: int) -> Floats:
    """The mean of up to ``window`` neighbours around each value, fewer at both ends, (steps,)."""
    half = window // 2
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    low, high = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    means: Floats = (sums[high] - sums[low]) / (high - low)
    return means
