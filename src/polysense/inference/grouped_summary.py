"""What many reviews say, for each value of a column of their table: each product, shop, month."""

from __future__ import annotations

from typing import Any

from polysense.inference.analysis import Analysis
from polysense.inference.aspect_summary import AspectCounts, Summary
from polysense.inference.label_sides import Side

PRAISE_AND_BLAME: tuple[Side, ...] = ("positive", "negative")

MOST = 3
"""Aspects named a side."""


class GroupedSummary:
    """A summary for each value of a column. Memory grows with the number of values.

    Args:
        column: of the table; a review whose cell is empty is counted under the empty name.
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self._groups: dict[str, Summary] = {}

    def add(self, analysis: Analysis) -> None:
        """One more review."""
        self._groups.setdefault(analysis.extra.get(self.column, "").strip(), Summary()).add(analysis)

    def groups(self) -> list[tuple[str, Summary]]:
        """From the value with the most reviews on; equal ones by name."""
        return sorted(self._groups.items(), key=lambda item: (-item[1].reviews, item[0]))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"column": self.column, "values": [{"value": name, **found.as_dict()} for name, found in self.groups()]}


def spoken_of(summary: Summary, wanted: Side) -> list[AspectCounts]:
    """The aspects most often on one side, at most three; of equally frequent ones the more mentioned first."""
    found = [one for one in summary.aspects() if one.count(wanted)]
    return sorted(found, key=lambda one: -one.count(wanted))[:MOST]
