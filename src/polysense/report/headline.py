"""The result: each metric over the seeds, and the differences to other runs with what their intervals say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from polysense.data.corpora.transfer_tasks import TASKS
from polysense.errors import DataError, display
from polysense.evaluation.one_answer import in_a_line
from polysense.evaluation.sts import DEVELOPMENT, TEST_SETS
from polysense.recipe.recipe import LAST
from polysense.report.forest import forest, reach_of
from polysense.report.references import references
from polysense.report.run import Run
from polysense.report.scores import Spread, constant, is_number, led_by, run_scores, spreads
from polysense.report.section import Section, render
from polysense.report.units import in_units, is_fraction, plain, titled
from polysense.training.card import start_scores
from polysense.training.compared import Comparison
from polysense.training.comparison import compare_each
from polysense.training.predictions import one_answer
from polysense.training.rival import outdone

ACROSS = 9
"""So many metrics stand side by side; of more each has a line."""

OWN_SETS = frozenset({DEVELOPMENT, *TEST_SETS, "avg", *TASKS, "transfer avg"})
"""Metrics that name a set, which is the same whatever a run was trained on."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table of scores."""

    name: str
    scores: Mapping[str, Spread]
    kind: str
    """``self``, ``floor``, or nothing."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The run against another one."""

    against: str
    comparisons: Mapping[str, Comparison]
    """By metric; empty if the two cannot be compared."""
    problem: str = ""
    command: str = ""
    """That compares them all the same."""
    sentence: str = ""
    figures: Sequence[Markup] = ()
    """One for the metrics in units of their own, one for those in points."""


def headline(run: Run, against: Sequence[Run]) -> Section | None:
    """The table of scores, and of differences if there are runs to stand against."""
    scores = run_scores(run)
    if not scores:
        return None
    metrics = led_by(scores, best=run.record.get("best_metric"))
    names = named([run, *against])
    shown = next(iter(run.shown.values()), None)
    labelled = None if shown is None else sum(row["target"] is not None for row in shown.rows)
    of_scores = shown is not None and any(is_number(row["target"]) for row in shown.rows)
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
            lines=lines(run, against, names=names, scores=scores, labelled=labelled),
            upright=len(metrics) > ACROSS,
            units=in_units(metrics),
            rules=run.rules if of_scores else None,
            scores=scores,
            elsewhere=[name for name, other in zip(names[1:], against, strict=True) if other_rows(run, other)],
            chosen=run.record.get("best_metric") != LAST,
            outdone=outdone(run.record),
            alike=[in_a_line(one) for one in alike(run)],
            standings=standings(run, against, names=names),
        ),
    )


def alike(run: Run) -> list[dict[str, Any]]:
    """``{"seed", "answer", "rows"}`` of every seed that answers all rows alike."""
    return [{"seed": seed, **one} for seed, part in run.shown.items() for one in one_answer(part)]


def lines(
    run: Run, against: Sequence[Run], *, names: Sequence[str], scores: Mapping[str, Spread], labelled: int | None
) -> list[Line]:
    """The run, those beside it, the encoder before training, one answer to every row, and what needs no neural network."""
    beside = [
        line for name, other in zip(names[1:], against, strict=True) for line in pair_of_lines(run, other, names[0], name)
    ]
    start = {name: Spread(tuple(values)) for name, values in start_scores(run.record, run.scored).items()}
    floors = [("before training", start)]
    if answer := constant(run):
        floors.append((answer[0], _single(answer[1])))
    for one in references(run):
        some = f", {one.rows} of the rows" if labelled is not None and one.rows != labelled else ""
        floors.append((f"{one.name}{some}", _single(one.metrics)))
    return [Line(names[0], scores, "self"), *beside, *(Line(name, values, "floor") for name, values in floors if values)]


def pair_of_lines(run: Run, other: Run, name: str, against: str) -> list[Line]:
    """Another run; where the two have other seeds, both over the seeds that they share, since differences are over these."""
    seeds = [tuple(one.predictions.get(run.split or "", {})) for one in (run, other)]
    shared = [seed for seed in seeds[0] if seed in seeds[1]]
    if not shared or seeds[0] == seeds[1]:
        return [Line(against, comparable_scores(run, other), "")]
    told = f"seed{'s' if len(shared) > 1 else ''} {', '.join(map(str, shared))}"
    pairs = (
        (one, title)
        for one, title, own in zip((run, other), (name, against), seeds, strict=True)
        if one is other or len(own) > len(shared)
    )
    return [
        Line(f"{title}, {told}", spreads(one, [one.predictions[run.split or ""][seed] for seed in shared]), "")
        for one, title in pairs
    ]


def _single(metrics: Mapping[str, float]) -> dict[str, Spread]:
    return {name: Spread((value,)) for name, value in metrics.items()}


def comparable_scores(run: Run, other: Run) -> dict[str, Spread]:
    """What may stand beside the run's scores: where the other read other rows, or is scored on another split, sets of their own."""
    found = run_scores(other)
    return {name: value for name, value in found.items() if name in OWN_SETS} if other_rows(run, other) else found


def other_rows(run: Run, other: Run) -> bool:
    """Whether two runs without answers to compare read other data, so that metrics of their own rows are of other rows."""
    if all(any(row["target"] is not None for part in one.shown.values() for row in part.rows) for one in (run, other)):
        return False  # whether they can be compared is told below the table
    contents = [(one.record.get("data") or {}).get("content") for one in (run, other)]
    return contents[0] != contents[1] or run.scored != other.scored


def named(runs: Sequence[Run]) -> list[str]:
    """A short name for each run: its folder's, made different with the folder above it where two are alike."""
    names = [run.name for run in runs]
    return [
        name if names.count(name) == 1 else f"{run.path.resolve().parent.name}/{name}"
        for run, name in zip(runs, names, strict=True)
    ]


def standings(run: Run, against: Sequence[Run], *, names: Sequence[str]) -> list[Standing]:
    """The run beside each of the others; figures of the same unit share one axis."""
    found = [standing(run, other, names=(names[0], name)) for other, name in zip(against, names[1:], strict=True)]
    reaches = {
        fraction: reach_of(part for one in found for part in one.comparisons.values() if is_fraction(part.metric) == fraction)
        for fraction in (False, True)
    }
    return [replace(one, figures=forests(one, number=number, reaches=reaches)) for number, one in enumerate(found)]


def standing(run: Run, other: Run, *, names: tuple[str, str]) -> Standing:
    """Compare the run with another by the main metrics; what stands in the way is told in the report."""
    if not (run.shown or other.shown):
        asked = f"polysense compare {display(other.path)} {display(run.path)} --evaluator sts --data DATA"
        return Standing(names[1], {}, problem="Runs without predictions are asked anew:", command=asked)
    try:
        found = compare_each(other.path, run.path, split=run.split or "test")
    except DataError as error:
        return Standing(names[1], {}, problem=str(error))
    order = led_by(found, best=run.record.get("best_metric"))
    sentence = found[order[0]].in_words(base=f"“{names[1]}”", other=f"“{names[0]}”")
    return Standing(names[1], {name: found[name] for name in order}, sentence=sentence)


def forests(one: Standing, *, number: int, reaches: Mapping[bool, tuple[float, float]]) -> list[Markup]:
    """A figure for the differences of each unit that there are."""
    drawn = []
    for fraction, name in ((False, f"difference-{number}-units"), (True, f"difference-{number}")):
        some = {metric: found for metric, found in one.comparisons.items() if is_fraction(metric) == fraction}
        if some:
            label = f"Differences to {one.against} with 95 % intervals: {', '.join(map(plain, some))}"
            lines = {titled(metric): found for metric, found in some.items()}
            drawn.append(forest(lines, name=name, label=label, reach=reaches[fraction]))
    return drawn
