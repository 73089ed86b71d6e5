"""Rows that cannot be used: refused with their reasons, or left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from polysense.data.counts import plural
from polysense.data.media_cells import ABSENT
from polysense.data.problem_list import lines
from polysense.data.rows import MEDIA, origin
from polysense.data.splits import hold_out
from polysense.data.table import Table
from polysense.errors import ArgumentError, DataError, Problem


def held_out(table: Table, *, count: int, seed: int) -> Table:
    """The table with ``count`` of its training rows held out for validation (see `hold_out`); as it is where it has validation rows.

    Raises:
        ArgumentError: no row would be left to train on; rows that could not be read are named first, for they may be why.
    """
    if not count or "validation" in table.splits:
        return table
    try:
        samples = hold_out(table.samples, count=count, seed=seed)
    except DataError as error:
        bad = table.bad
        if not bad:
            raise
        problem = f"{_listed(table, bad)}\nOf the other rows, {error}"
        if isinstance(error, ArgumentError):
            raise ArgumentError(problem, argument=error.argument, instead=error.instead, problems=bad) from None
        raise DataError(problem, problems=bad) from None
    moved = sum(after.split != before.split for before, after in zip(table.samples, samples, strict=True))
    return replace(table, samples=tuple(samples), held_out=table.held_out + moved)


def refuse_or_skip(table: Table, problems: Sequence[Problem] = (), *, skip_bad_rows: bool) -> Table:
    """The table if no row is bad; without its bad rows if they may be skipped (they are then in ``skipped``).

    ``problems`` are those found by verifying, beyond the table's own. What is wrong with the table as a whole cannot be skipped.
    """
    every = sorted(dict.fromkeys([*table.problems, *problems]), key=lambda one: one.row or 0)
    bad = [one for one in every if one.severity == "bad"]
    whole = [one for one in bad if one.row is None]
    if whole or (bad and not skip_bad_rows):
        rows = [one for one in bad if one.row is not None]  # they may be why the table as a whole falls short
        raise DataError(_listed(table, [*whole, *rows]), problems=bad)
    if not bad:
        return table
    rest = table.without(bad)
    if not rest.samples:
        raise DataError(f"no row is left. {_listed(table, bad)}", problems=bad)
    warnings = tuple(one for one in table.problems if one.severity == "warning")
    return replace(rest, problems=warnings, skipped=(*table.skipped, *bad))


def _listed(table: Table, bad: Sequence[Problem], shown: int = 10) -> str:
    rows = len({(one.file, one.row) for one in bad if one.row is not None})
    title = f"{table.name}: {rows} bad {plural(rows)}" if rows else f"{table.name} cannot be used"
    found = lines(bad)
    said = [title, *(f"  {line}" for line in found[:shown])]
    if len(found) > shown:
        said.append(f"  ... and {sum(map(len, found[shown:]))} more")
    said += elsewhere(table, bad)
    if rows:
        corpus = "" if table.corpus is None else f" TABLE --corpus {table.corpus}"
        classes = " (of classes that a recipe names, with --labels)" if any(one.field == "label" for one in bad) else ""
        said.append(f"`polysense data verify{corpus}` lists all of them{classes}; `--skip-bad-rows` goes on without them.")
    return "\n".join(said)


def elsewhere(table: Table, bad: Sequence[Problem]) -> list[str]:
    """How to name the folder of the media, where the files of most rows were not found and no folder was named; else nothing."""
    placed = [(origin(one.file, one.row), one) for one in bad if one.row is not None]
    absent = {row for row, one in placed if one.field in MEDIA and one.reason.endswith(ABSENT)}
    rows = {sample.origin for sample in table.samples} | {row for row, _ in placed}
    if table.media_root is not None or 2 * len(absent) <= len(rows):
        return []
    return ["`--media-root FOLDER` names the folder that they lie in, where it is another one."]
