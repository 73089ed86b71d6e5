"""How commands print data, on stdout: JSON for machines, tables for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import typer

from polysense.errors import Problem


def print_json(value: object) -> None:
    """Print one JSON document. Numbers that JSON cannot hold (NaN, infinities) become null; paths become text."""
    typer.echo(json.dumps(_finite(value), ensure_ascii=False, indent=2, default=str))


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, err: bool = False) -> None:
    """Print rows under their column names, aligned, numbers to the right, nothing for None. The same in a terminal and in a file.

    ``err``: to stderr, as talk.
    """
    from rich.cells import cell_len  # a Chinese character takes two cells

    texts = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(cell_len(row[place]) for row in texts) for place in range(len(columns))]
    numeric = [bool(rows) and all(isinstance(row[place], int | float | None) for row in rows) for place in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
        padded = [gap + cell if right else cell + gap for cell, gap, right in zip(cells, gaps, numeric, strict=True)]
        return "  ".join(padded).rstrip()

    for cells in (texts[0], ["-" * width for width in widths], *texts[1:]):
        typer.echo(line(cells), err=err)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)


def bad_rows(bad: Sequence[Problem]) -> int:
    """How many rows they are of."""
    return len({(one.file, one.row) for one in bad if one.row is not None})
