"""The rewrites of a corpus of captions, looked up by text and picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars

from polysense.data.caption import Caption
from polysense.data.json_file import read_object
from polysense.data.media import normalised
from polysense.data.parquet import first_row, read_parquet, write_parquet
from polysense.data.rewrite import LEVELS, Rewrite
from polysense.data.written import write_text
from polysense.errors import DataError, display

TABLE, RECORD = "rewrites.parquet", "rewriting.json"
MADE_BY = "`polysense rewrite`"
COLUMNS: Mapping[str, Any] = dict.fromkeys(("picture", "text", "level", "rewrite", "replaced", "by"), polars.String())
"""Of the table; a row is a rewrite of one caption."""


@dataclass(frozen=True)
class Rewrites:
    """A table with a row a rewrite. It stays in columns, so that many million rewrites fit into memory.

    Raises:
        DataError: ``table`` lacks a column, or a row of it makes no sense; names row and column.
    """

    table: polars.DataFrame
    """The columns of `COLUMNS`; in whatever order, it is sorted."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """How it was made: parameters, digest of the captions, counts, the control."""

    def __post_init__(self) -> None:
        _check(self.table, "rewrites")
        order = self.table["level"].replace_strict(
            {level: place for place, level in enumerate(LEVELS)}, return_dtype=polars.Int8
        )
        rows = self.table.select(*COLUMNS).with_columns(order.alias("order"))
        rows = rows.sort("picture", "text", "order", "rewrite", "replaced", "by").drop("order")
        object.__setattr__(self, "table", rows)

    @classmethod
    def from_entries(cls, entries: Iterable[tuple[Caption, Rewrite]], record: Mapping[str, Any] | None = None) -> Rewrites:
        """Of single rewrites, each with its caption."""
        rows = [(c.picture, c.text, r.level, r.text, r.replaced, r.by) for c, r in entries]
        return cls(polars.DataFrame(rows, schema=dict(COLUMNS), orient="row"), record or {})

    def __len__(self) -> int:
        return len(self.table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rewrites) and self.table.equals(other.table)

    __hash__ = None  # type: ignore[assignment]

    def of(self, text: str, picture: str) -> tuple[Rewrite, ...]:
        """The rewrites of a caption of a picture, whatever the text's case and white space, by level; none where none is known."""
        found: list[Rewrite] = []
        for start, length in self._places.get((picture, normalised(text)), ()):
            found += [Rewrite(*row) for row in self._values.slice(start, length).rows()]
        return tuple(found)

    def has(self, text: str, picture: str) -> bool:
        """Whether `of` gives any."""
        return (picture, normalised(text)) in self._places

    @cached_property
    def _values(self) -> polars.DataFrame:
        """What `of` gives: chosen once, for that costs more than a look at a row."""
        return self.table.select("rewrite", "level", "replaced", "by")

    @cached_property
    def counts(self) -> dict[str, int]:
        """Level -> rewrites."""
        found = dict(self.table["level"].value_counts().iter_rows())
        return {level: found.get(level, 0) for level in LEVELS}

    @cached_property
    def digest(self) -> str:
        """Another one, other rewrites."""
        found = hashlib.sha256()
        for column in self.table.iter_columns():
            found.update(json.dumps(column.to_list()).encode())
        return found.hexdigest()

    @cached_property
    def _places(self) -> dict[tuple[str, str], list[tuple[int, int]]]:
        """(picture, normalised text) -> where the rows of its captions begin, and how many there are."""
        places: dict[tuple[str, str], list[tuple[int, int]]] = {}
        groups = self.table.with_row_index("row").group_by("picture", "text", maintain_order=True)
        for picture, text, start, length in groups.agg(polars.col("row").first(), polars.len()).iter_rows():
            places.setdefault((picture, normalised(text)), []).append((start, length))
        return places

    def write(self, folder: Path | str) -> Path:
        """Write ``rewrites.parquet`` and ``rewriting.json`` and return the folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_parquet(self.table, folder / TABLE)
        record = {**self.record, "counts": self.counts, "digest": self.digest}
        write_text(folder / RECORD, json.dumps(record, ensure_ascii=False, indent=2) + "\n")
        return folder

    @classmethod
    def read(cls, folder: Path | str) -> Rewrites:
        """What `write` wrote.

        Raises:
            DataError: a file is missing or damaged; names file, row and column.
        """
        folder = Path(folder)
        path = folder / TABLE
        table = read_parquet(path, COLUMNS, made_by=MADE_BY)
        _check(table, display(path))
        found = cls(table, read_object(folder / RECORD))
        if found.record.get("digest", found.digest) != found.digest:
            raise DataError(f"{display(path)} is not the table that {RECORD} beside it describes: the digest is another one")
        return found


def _check(table: polars.DataFrame, name: str) -> None:
    for column in COLUMNS:
        if column not in table.columns:
            raise DataError(f"{name} has no column {column!r}")
    level = table["level"]
    if (row := first_row(~level.is_in(LEVELS))) is not None:
        raise DataError(f"{name}, row {row}, level: {level[row - 1]!r} is none; valid: {', '.join(LEVELS)}")
    for column in ("picture", "text", "rewrite"):
        if (row := first_row(table[column].str.strip_chars().str.len_bytes() == 0)) is not None:
            raise DataError(f"{name}, row {row}, {column}: is empty")
    if (row := first_row(table["text"] == table["rewrite"])) is not None:
        raise DataError(f"{name}, row {row}, rewrite: is the caption itself")
    exchanged = level.is_in(("phrase", "word"))
    for column in ("replaced", "by"):
        if (row := first_row(exchanged & (table[column].str.len_bytes() == 0))) is not None:
            raise DataError(f"{name}, row {row}, {column}: is empty, and the level {level[row - 1]} exchanges words")
