"""A section of the report, and how templates become HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from polysense.report.units import measure, plain, points, score, signed, titled

if TYPE_CHECKING:
    from polysense.report.run import Run


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the report."""

    anchor: str
    title: str
    body: Markup


Writer = Callable[["Run", Sequence["Run"]], Section | None]
"""Makes a section of a run and the runs it stands against, or nothing where its data are not there."""


def render(template: str, **context: Any) -> Markup:
    """Fill ``templates/<template>``; every value is escaped unless it is Markup."""
    return Markup(environment().get_template(template).render(**context))  # noqa: S704 (the template escapes)


@cache
def environment() -> Environment:
    """The templates, with the number formats they share."""
    there = Environment(
        loader=PackageLoader("polysense.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (points, measure, signed, score, titled, plain, p_value, percent)
    there.filters |= {one.__name__: one for one in filters}
    return there


def p_value(value: float) -> str:
    """``.031``, ``< .001``."""
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def percent(value: float) -> str:
    """A chance: ``93 %``."""
    return f"{100 * value:.0f}\u202f%"
