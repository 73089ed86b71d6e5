"""A collection to search, from a file: rows that are encoded now, or vectors that were written before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polysense.data.unreadable import mapped_array
from polysense.errors import DataError, display
from polysense.inference.row_source import RowSource
from polysense.inference.vector_file import FORMATS
from polysense.inference.vector_origin import VectorOrigin, read_origin
from polysense.types import Sample

if TYPE_CHECKING:
    from polysense.inference.predictor import Predictor

EMBEDDING = "embedding"
"""The column of a Parquet file that holds vectors."""

CHECKED = 16_384
"""Vectors looked at at a time, so that those of a memory-mapped file need not be in memory together."""


def read_vectors(path: Path) -> tuple[np.ndarray, list[dict[str, Any]]] | None:
    """Vectors (rows, width) and what is known of each row (``id``, ``text``); None where the file holds rows and no vectors.

    Raises:
        DataError: the file is damaged, or holds something else than finite vectors.
    """
    if path.suffix == ".npy":
        vectors = _array(path)
        items: list[dict[str, Any]] = [{"id": str(row), "text": None} for row in range(1, vectors.shape[0] + 1)]
    elif path.suffix == ".parquet" and EMBEDDING in _columns(path):
        vectors, items = _parquet(path)
        _refuse_other_arrays(path, vectors)
    else:
        return None
    for start in range(0, len(vectors), CHECKED):
        sound = np.isfinite(vectors[start : start + CHECKED]).all(axis=1)
        if not sound.all():
            row = start + int(np.flatnonzero(~sound)[0]) + 1
            raise DataError(f"{display(path)}, row {row}: the vector holds NaN or infinite numbers")
    return vectors, items


def _refuse_other_arrays(path: Path, found: np.ndarray) -> None:
    if found.ndim != 2 or found.dtype.kind != "f" or not len(found):
        raise DataError(
            f"{display(path)}: expected vectors (rows, width) of floating-point numbers, found {found.dtype} of the shape "
            f"{found.shape}"
        )


def holds_vectors(path: Path) -> bool:
    """Whether it is a file of vectors, and not of rows."""
    return path.suffix in FORMATS and path.is_file() and (path.suffix != ".parquet" or EMBEDDING in _columns(path))


def refuse_others(path: Path, model: Predictor, name: str, *, part: str | None, shared: bool) -> None:
    """Raise where ``path`` holds vectors that ``model``, called ``name``, did not make as it is to be asked; others pass.

    Raises:
        RecipeError: names the model that made them.
    """
    if not holds_vectors(path):
        return
    origin = read_origin(path)
    if origin is not None:
        origin.refuse(path, VectorOrigin.of(model, name, part=part, shared=shared, rows=1))


def described(source: RowSource) -> list[dict[str, Any]]:
    """What is known of each row of a file."""
    items = (item for block in source.blocks(1 << 16) for item in block)
    return [{"id": source.name(row), **_contents(item)} for row, item in enumerate(items)]


def _contents(item: str | Sample) -> dict[str, Any]:
    if isinstance(item, str):
        return {"text": item}
    return {"text": item.text} if not isinstance(item.image, Path) else {"text": item.text, "image": display(item.image)}


def refuse_unequal(path: Path, source: RowSource, *, vectors: int) -> None:
    """Raise where ``path`` has more or fewer rows than there are vectors.

    Raises:
        DataError: says how many of each.
    """
    if source.rows != vectors:
        raise DataError(f"{display(path)} has {source.rows} rows, there are {vectors} vectors")


def _array(path: Path) -> np.ndarray:
    found = mapped_array(path)
    _refuse_other_arrays(path, found)
    return found


def _columns(path: Path) -> list[str]:
    import polars as pl

    try:
        return list(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{display(path)} cannot be read as Parquet: {error}") from None


def _parquet(path: Path) -> tuple[np.ndarray, list[dict[str, Any]]]:
    import polars as pl

    frame = pl.read_parquet(path)
    column = frame[EMBEDDING]
    if not isinstance(column.dtype, pl.Array):
        raise DataError(f"{display(path)}: the column {EMBEDDING!r} holds no vectors of one width")
    known = [name for name in ("id", "text") if name in frame.columns]
    rows = frame.select(known).iter_rows(named=True) if known else ({} for _ in range(len(frame)))
    items = [{"id": str(row.get("id", number)), "text": row.get("text")} for number, row in enumerate(rows, start=1)]
    return column.to_numpy(), items
