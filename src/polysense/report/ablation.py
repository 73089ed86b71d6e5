"""A page about an ablation: the advice, a learning curve of each signal beside the base, and all differences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from markupsafe import Markup

from polysense.report.curves import Panel
from polysense.report.figure import ACCENT, CONTRAST, MUTED, PAPER, drawing
from polysense.report.forest import forest
from polysense.report.scores import Spread
from polysense.report.section import environment, render
from polysense.report.units import plain
from polysense.report.whole import write_page
from polysense.training.ablation.findings import Findings, Level
from polysense.training.ablation.question import Ablation
from polysense.training.ablation.recommendation import recommendation, sentences

BESIDE = 0.07
"""How far a signal's point stands beside the base's, in steps of the axis of labels."""


def write_ablation_report(ablation: Ablation, findings: Findings, path: Path) -> Path:
    """Write one self-contained HTML file and return its path. Equal input gives equal bytes."""
    several = len(findings.levels) > 1
    page = render(
        "ablation.html",
        title="Which signal helps?",
        ablation=ablation,
        findings=findings,
        advice=recommendation(findings),
        sentences=sentences(findings),
        panels=panels(findings) if several else [],
        forest=None if several else differences(findings.levels[0]),
        levels=[(level, Spread(level.base), [Spread(one.scores) for one in level.effects]) for level in findings.levels],
        metric=plain(findings.metric),
        spread_of=Spread,
        style=Markup(environment().get_template("style.css").render()),  # noqa: S704 (our own file)
    )
    return write_page(path, page)


def panels(findings: Findings) -> list[Panel]:
    """A learning curve for each arm beside that of the base; all have the same axes."""
    levels = findings.levels
    reach = _reach(levels)
    return [_panel(findings, place, name=one.arm, reach=reach) for place, one in enumerate(levels[-1].effects)]


def _reach(levels: Sequence[Level]) -> tuple[float, float]:
    """The ends of the axis of scores, in points."""
    values = [100 * value for level in levels for value in _drawn(level)]
    room = max(0.08 * (max(values) - min(values)), 0.5)
    return min(values) - room, max(values) + room


def _drawn(level: Level) -> list[float]:
    base = fmean(level.base)
    ends = [base + end for one in level.effects for end in (one.comparison.low, one.comparison.high)]
    return [base, *(fmean(one.scores) for one in level.effects), *ends, *(() if level.words is None else (level.words,))]


def _panel(findings: Findings, place: int, *, name: str, reach: tuple[float, float]) -> Panel:
    levels = findings.levels
    steps = list(range(len(levels)))
    base = [100 * fmean(level.base) for level in levels]
    label = f"{plain(findings.metric)} over the number of labels, base and with {name}"
    with drawing(width=320, height=240, name=f"labels-{place}", label=label) as drawn:
        axes = drawn.axes
        words = [(step, 100 * level.words) for step, level in enumerate(levels) if level.words is not None]
        if words:
            axes.plot(*zip(*words, strict=True), color=CONTRAST, linewidth=1.2, linestyle=(0, (1.5, 2.5)))
        axes.plot(steps, base, "o-", color=MUTED, markersize=5, markeredgecolor=PAPER, markeredgewidth=1)
        beside = [step + BESIDE for step in steps]
        found = [level.effects[place] for level in levels]
        axes.plot(beside, [100 * fmean(one.scores) for one in found], color=ACCENT)
        for step, start, one in zip(beside, base, found, strict=True):
            ends = [start + 100 * one.comparison.low, start + 100 * one.comparison.high]
            axes.plot([step, step], ends, color=ACCENT, linewidth=2.4, alpha=0.6)
        axes.plot(
            beside,
            [100 * fmean(one.scores) for one in found],
            "o",
            color=ACCENT,
            markersize=7,
            markeredgecolor=PAPER,
            markeredgewidth=1.2,
        )
        axes.set_xticks(steps, [f"all {level.labels}" if level.named == "all" else str(level.labels) for level in levels])
        axes.set_xlim(-0.3, len(levels) - 0.7)
        axes.set_ylim(*reach)
        axes.set_xlabel("labels")
    return Panel(name.replace("+", " + "), drawn.svg)


def differences(level: Level) -> Markup:
    """The difference of every arm with its interval and that of every seed, where there is one number of labels only."""
    label = f"Differences to the base in points with 95 % intervals, {level.labels} labels"
    return forest({one.arm: one.comparison for one in level.effects}, name="differences", label=label, width=400, row=40)
