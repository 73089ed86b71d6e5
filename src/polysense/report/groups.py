"""Where a difference comes from: the run against others within each value of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from polysense.errors import DataError
from polysense.metrics.multiple import holm
from polysense.report.forest import forest
from polysense.report.headline import named
from polysense.report.run import Run
from polysense.report.section import Section, render
from polysense.report.units import is_fraction
from polysense.training.compared import Comparison
from polysense.training.comparison import compare

MOST = 30
"""So many groups are shown; of more the largest."""


@dataclass(frozen=True, slots=True)
class Within:
    """The run against another one, group by group."""

    against: str
    metric: str
    groups: Mapping[str, tuple[Comparison, float | None]]
    """By value of the column: the comparison, and what its p is worth among those of all groups (Holm); None of too few rows."""
    left_out: int
    """Groups that are not shown."""
    note: str
    """What a reader must know beside the numbers."""
    figure: Markup


def groups(run: Run, against: Sequence[Run], *, by: str) -> Section | None:
    """The difference by the metric that chose the run's checkpoint, within each value of the column ``by``.

    Nothing of runs that cannot be compared, of which the result says why. Raises RecipeError where the predictions have no such
    column.
    """
    names = named([run, *against])[1:]
    found = [one for number, name in enumerate(names) if (one := within(run, against[number], name, by=by, number=number))]
    if not found:
        return None
    fractions = all(is_fraction(one.metric) for one in found)
    body = render("groups.html", by=by, name=named([run, *against])[0], found=found, most=MOST, points=fractions)
    return Section("groups", f"By {by}", body)


def within(run: Run, other: Run, name: str, *, by: str, number: int) -> Within | None:
    """The run against one other; None where the two cannot be compared."""
    try:
        whole = compare(other.path, run.path, split=run.split or "test", by=by)
    except DataError:
        return None
    judged = {value: one.p_value for value, one in whole.groups.items() if one.has_interval}
    adjusted = dict(zip(judged, holm(list(judged.values())), strict=True))
    largest = set(sorted(whole.groups, key=lambda value: -whole.groups[value].rows)[:MOST])
    shown = {value: one for value, one in whole.groups.items() if value in largest}
    label = f"Differences to {name} by {by}, with 95 % intervals"
    return Within(
        against=name,
        metric=next(iter(shown.values())).metric,
        groups={value: (one, adjusted.get(value)) for value, one in shown.items()},
        left_out=len(whole.groups) - len(shown),
        note=whole.note,
        figure=forest(shown, name=f"groups-{number}", label=label, row=36),
    )
