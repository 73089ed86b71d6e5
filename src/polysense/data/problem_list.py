"""Problems as lines of text, in which equal faults of many rows are one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from polysense.data.counts import plural
from polysense.errors import Problem

FEW = 3
"""Equal faults, at most, that are told one by one."""

_READ = 400  # characters of a reason: to look for values in a long one takes long
_RANGES = 6  # of row numbers, at most
_ONE = re.compile(
    r"""
    '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*"    # a value
    | \S*[/\\].*?\.\w{1,12}(?!\w)            # a path, with its blanks
    | \S*[\d/\\]\S*                          # a number, or a name with one
    | \S+\.\w{2,12}(?=[\s,;:)]|$)            # a file
    """,
    re.VERBOSE,
)
"""What differs between the reasons of equal faults."""


@dataclass(frozen=True, slots=True)
class Line:
    """Problems that are one line: a single one, or equal faults of several rows."""

    problems: tuple[Problem, ...]

    @property
    def severity(self) -> str:
        """``bad`` or ``warning``, of all of them."""
        return self.problems[0].severity

    def __len__(self) -> int:
        return len(self.problems)

    def __str__(self) -> str:
        first = min(self.problems, key=lambda one: one.row or 0)
        if len(self) == 1:
            return str(first)
        rows = sorted({one.row for one in self.problems if one.row is not None})
        where = _ranges(rows)
        if len({one.reason for one in self.problems}) > 1:
            where = f"row {first.row}{f', id {first.id}' if first.id else ''}"
            where += f"; likewise {_ranges(rows[1:])}" if rows[1:] else ""
        return f"{first.file}, {len(rows)} {plural(len(rows))}, {first.field}: {first.reason} ({where})"


def lines(problems: Sequence[Problem]) -> list[Line]:
    """The problems in their order; more than ``FEW`` equal faults are one line, at the place of the first.

    Equal are those of one file, field and severity whose reasons differ in nothing but values, numbers and names of files.
    """
    kinds = [
        place if one.row is None else (one.file, one.field, one.severity, _shape(one.reason))
        for place, one in enumerate(problems)
    ]
    same: dict[object, list[Problem]] = {}
    for kind, one in zip(kinds, problems, strict=True):
        same.setdefault(kind, []).append(one)
    found: list[Line] = []
    for kind, one in zip(kinds, problems, strict=True):
        if len(same[kind]) <= FEW:
            found.append(Line((one,)))
        elif same[kind][0] is one:
            found.append(Line(tuple(same[kind])))
    return found


def _shape(reason: str) -> str:
    return re.sub(r"…(?:[,;]? …)+", "…", _ONE.sub("…", reason[:_READ]))


def _ranges(rows: Sequence[int]) -> str:
    """``rows 2-40, 44, 50-51``; of many the first."""
    found: list[list[int]] = []
    for row in sorted(set(rows)):
        if found and row == found[-1][1] + 1:
            found[-1][1] = row
        else:
            found.append([row, row])
    named = [str(start) if start == end else f"{start}-{end}" for start, end in found[:_RANGES]]
    return f"{plural(len(rows))} {', '.join([*named, *(['...'] if len(found) > _RANGES else [])])}"
