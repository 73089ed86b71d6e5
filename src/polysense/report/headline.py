"""The result: each metric over the seeds, and the differences to other runs with what their intervals say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from polysense.errors import DataError
from polysense.report.figure import ACCENT, INK, MUTED, PAPER, RULE, drawing
from polysense.report.references import references
from polysense.report.run import Run
from polysense.report.scores import MAIN, Spread, is_fraction, led_by, most_frequent, run_scores
from polysense.report.section import Section, plain, render
from polysense.training.card import start_scores
from polysense.training.comparison import Comparison, compare_each
from polysense.training.rival import outdone


@dataclass(frozen=True, slots=True)
class Standing:
    """The run against another one."""

    against: str
    comparisons: Mapping[str, Comparison]
    """By metric; empty if the two cannot be compared."""
    problem: str = ""
    sentence: str = ""
    figure: str = ""


def headline(run: Run, against: Sequence[Run]) -> Section | None:
    """The table of scores, and of differences if there are runs to stand against."""
    scores = run_scores(run)
    if not scores:
        return None
    metrics = led_by(scores, best=run.record.get("best_metric"))
    names = named([run, *against])
    others = [(name, run_scores(other)) for name, other in zip(names[1:], against, strict=True)]
    shown = next(iter(run.shown.values()), None)
    labelled = None if shown is None else sum(row["target"] is not None for row in shown.rows)
    return Section(
        "result",
        "Result",
        render(
            "headline.html",
            run=run,
            labelled=labelled,
            unlabelled=0 if shown is None else len(shown.rows) - (labelled or 0),
            name=names[0],
            metrics=metrics,
            fractions={metric for metric in metrics if is_fraction(metric)},
            scores=scores,
            others=others,
            constant=most_frequent(run),
            references=references(run),
            outdone=outdone(run.record),
            start={name: Spread(tuple(values)) for name, values in start_scores(run.record, run.split or "validation").items()},
            standings=standings(run, against, names=names),
        ),
    )


def named(runs: Sequence[Run]) -> list[str]:
    """A short name for each run: its folder's, made different with the folder above it where two are alike."""
    names = [run.name for run in runs]
    return [
        name if names.count(name) == 1 else f"{run.path.resolve().parent.name}/{name}"
        for run, name in zip(runs, names, strict=True)
    ]


def standings(run: Run, against: Sequence[Run], *, names: Sequence[str]) -> list[Standing]:
    """The run beside each of the others; their figures share one axis."""
    found = [standing(run, other, names=(names[0], name)) for other, name in zip(against, names[1:], strict=True)]
    ends = [end for one in found for part in one.comparisons.values() for end in (part.low, part.high, *part.per_seed)]
    reach = (min(ends, default=0.0), max(ends, default=0.0))
    return [
        replace(one, figure=forest(one.comparisons, name=f"difference-{number}", versus=one.against, reach=reach))
        if one.comparisons
        else one
        for number, one in enumerate(found)
    ]


def standing(run: Run, other: Run, *, names: tuple[str, str]) -> Standing:
    """Compare the run with another by the main metrics; what stands in the way is told in the report."""
    try:
        found = compare_each(other.path, run.path, split=run.split or "test")
    except DataError as error:
        return Standing(names[1], {}, problem=str(error))
    order = [name for name in led_by(found, best=run.record.get("best_metric")) if name in MAIN]
    sentence = found[order[0]].in_words(base=f"“{names[1]}”", other=f"“{names[0]}”")
    return Standing(names[1], {name: found[name] for name in order}, sentence=sentence)


def forest(comparisons: Mapping[str, Comparison], *, name: str, versus: str, reach: tuple[float, float]) -> Markup:
    """Each metric's difference with its interval and the difference of every seed; the axis spans ``reach`` and zero."""
    label = f"Differences to {versus} in points with 95 % intervals"
    with drawing(width=340, height=52 + 44 * len(comparisons), name=name, label=label) as drawn:
        axes = drawn.axes
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.axvline(0, color=MUTED, linewidth=1)
        for place, found in enumerate(comparisons.values()):
            axes.plot([100 * found.low, 100 * found.high], [place, place], color=ACCENT, linewidth=2.4)
            seeds = [100 * value for value in found.per_seed]
            axes.plot(seeds, [place + 0.26] * len(seeds), "|", color=MUTED, markersize=7, markeredgewidth=1.2)
            axes.plot(
                [100 * found.difference], [place], "o", color=ACCENT, markersize=8, markeredgecolor=PAPER, markeredgewidth=1.5
            )
        axes.set_yticks(range(len(comparisons)), [plain(metric) for metric in comparisons], color=INK)
        axes.set_ylim(len(comparisons) - 0.45, -0.55)
        low, high = 100 * min(0.0, reach[0]), 100 * max(0.0, reach[1])
        room = max(0.08 * (high - low), 0.5)
        axes.set_xlim(low - room, high + room)
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_color(RULE)
        axes.set_xlabel("points")
    return drawn.svg
