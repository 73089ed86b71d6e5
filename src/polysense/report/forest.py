"""Differences under each other: a dot, the line of its interval where there is one, a tick of each seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from polysense.report.figure import ACCENT, INK, MUTED, PAPER, RULE, any_writing, drawing, unread
from polysense.report.units import scale
from polysense.training.compared import Comparison

LONGEST = 26
"""Characters of a name that are shown."""


def forest(
    comparisons: Mapping[str, Comparison],
    *,
    name: str,
    label: str,
    reach: tuple[float, float] | None = None,
    width: int = 340,
    row: int = 44,
) -> Markup:
    """Each difference under its name; the axis spans ``reach``, by default what is drawn, and zero.

    All metrics are fractions, or none. ``width`` and ``row``, the height of a line, are CSS pixels.
    """
    factor = scale(next(iter(comparisons.values())).metric)
    with any_writing(), drawing(width=width, height=52 + row * len(comparisons), name=name, label=label) as drawn:
        axes = drawn.axes
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.axvline(0, color=MUTED, linewidth=1)
        for place, found in enumerate(comparisons.values()):
            if isfinite(found.low):
                axes.plot([factor * found.low, factor * found.high], [place, place], color=ACCENT, linewidth=2.4)
            seeds = [factor * value for value in found.per_seed]
            axes.plot(seeds, [place + 0.26] * len(seeds), "|", color=MUTED, markersize=7, markeredgewidth=1.2)
            dot = factor * found.difference
            axes.plot([dot], [place], "o", color=ACCENT, markersize=8, markeredgecolor=PAPER, markeredgewidth=1.5)
        axes.set_yticks(range(len(comparisons)), [unread(shortened(one)) for one in comparisons], color=INK)
        axes.set_ylim(len(comparisons) - 0.45, -0.55)
        ends = reach_of(comparisons.values()) if reach is None else reach
        low, high = factor * min(0.0, ends[0]), factor * max(0.0, ends[1])
        room = max(0.08 * (high - low), 0.005 * factor)
        axes.set_xlim(low - room, high + room)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_color(RULE)
        axes.set_xlabel("points" if factor != 1 else "difference")
    return drawn.svg


def reach_of(comparisons: Iterable[Comparison]) -> tuple[float, float]:
    """The lowest and the highest of what is drawn of them."""
    ends = [end for part in comparisons for end in (part.low, part.high, *part.per_seed) if isfinite(end)]
    return min(ends, default=0.0), max(ends, default=0.0)


def shortened(name: str) -> str:
    """A name as the figure has room for it."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
