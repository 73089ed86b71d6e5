"""Tables of knowledge in Parquet: written whole, and checked when they are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars

from polysense.errors import DataError, display


def write_parquet(frame: polars.DataFrame, path: Path) -> None:
    """The file, whole or as it was before."""
    part = path.with_name(f"{path.name}.part")
    frame.write_parquet(part)
    os.replace(part, path)  # noqa: PTH105 (one step: a file is whole or as it was)


def read_parquet(path: Path, schema: Mapping[str, Any], *, made_by: str) -> polars.DataFrame:
    """The columns of ``schema``, each of its type and without an empty cell.

    Raises:
        DataError: the file is not there or no Parquet; a column is missing or of another type; a cell is empty, whose row is named.
    """
    if not path.is_file():
        raise DataError(f"{display(path)} is not there: it is what {made_by} writes")
    try:
        frame = polars.read_parquet(path)
    except (polars.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{display(path)} cannot be read as Parquet: {error}") from None
    for name, kind in schema.items():
        if name not in frame.columns:
            raise DataError(f"{display(path)} has no column {name!r}; it has {', '.join(frame.columns) or 'none'}")
        if frame.schema[name] != kind:
            raise DataError(f"{display(path)}, {name}: {frame.schema[name]} where {kind} is expected")
        if (row := first_row(frame[name].is_null())) is not None:
            raise DataError(f"{display(path)}, row {row}, {name}: is empty")
    return frame.select(*schema)


def first_row(wrong: polars.Series) -> int | None:
    """The first row, from 1, for which it holds; None where it holds for none."""
    place = wrong.arg_max() if wrong.any() else None
    return None if place is None else place + 1
