"""Rows in groups, by the values of a column of the predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polysense.data.json_file import read_object
from polysense.errors import RecipeError, choices
from polysense.training.folder import SUMMARY

OF_ROWS = ("target", "missing", "aspect", "group")
"""What predictions say of a row, beside the columns of its table, that both runs have and several rows share."""

FEWEST = 10
"""Rows of a group, below which it has no interval and no p: what is drawn again of a handful of rows hardly differs from them."""

TARGETS = ("label", "score")
"""Fields of a table that predictions have as ``target``."""


def grouped(rows: Sequence[Mapping[str, Any]], *, by: str) -> dict[str, NDArray[np.intp]]:
    """The places of the rows of each value of a column, by value; RecipeError if there is no such column to split by."""
    columns = {name: None for name in OF_ROWS if any(name in row for row in rows)}
    columns |= {name: None for row in rows for name in row.get("extra") or {}}
    if by not in columns:
        often = [name for name in columns if len(set(_values(rows, name))) < len(rows)]  # else each row is a group
        raise RecipeError(f"the predictions have no column {by!r} to split by: {choices(by, columns, listed=often)}")
    values = _values(rows, by)
    return {value: np.flatnonzero([other == value for other in values]) for value in sorted(set(values))}


def _values(rows: Sequence[Mapping[str, Any]], column: str) -> list[str]:
    """What each row has in a column."""
    return [_name(row.get(column) if column in OF_ROWS else (row.get("extra") or {}).get(column)) for row in rows]


def _name(value: object) -> str:
    """A group's name: lists are joined, nothing is ``(none)``."""
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "(none)"
    return "(none)" if value is None or value == "" else str(value)


def of_one_class(rows: Sequence[Mapping[str, Any]], groups: Mapping[str, NDArray[np.intp]]) -> list[str]:
    """The groups of several rows, all of which have the same true class or classes; none where all of them are a handful."""
    same = [
        value
        for value, places in groups.items()
        if len(places) > 1 and len({_name(rows[place]["target"]) for place in places}) == 1
    ]
    return same if any(len(groups[value]) >= FEWEST for value in same) else []


def refuse_targets(rows: Sequence[Mapping[str, Any]], runs: Sequence[Path], *, by: str) -> None:
    """RecipeError where the column is that of the true labels or scores, which predictions have under another name."""
    if by in {name for row in rows for name in row.get("extra") or {}}:
        return
    named = (read_object(run / SUMMARY).get("recipe", {}).get("corpora") or () for run in runs)
    columns = [one.get("init_args", {}).get("columns") or {} for some in named for one in some]
    if by in TARGETS or by in {one.get(field) for one in columns for field in TARGETS}:
        raise RecipeError(
            f"the predictions have no column {by!r}: what a row truly is stands under 'target' there, so --by target groups by it"
        )
