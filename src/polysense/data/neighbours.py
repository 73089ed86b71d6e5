"""Unpaired sentences and pictures that are near to what is paired: a pool of weak positives for each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import polars

from polysense.data.json_file import read_object
from polysense.data.media import normalised
from polysense.data.parquet import first_row, read_parquet, write_parquet
from polysense.data.written import write_text
from polysense.errors import DataError, RecipeError, choices, display

Kind = Literal["texts", "images"]
KINDS: tuple[Kind, ...] = get_args(Kind)

RECORD = "neighbours.json"
MADE_BY = "`polysense neighbours`"
COLUMNS: Mapping[str, Any] = {
    "key": polars.String(),
    "rank": polars.Int32(),
    "neighbour": polars.String(),
    "score": polars.Float32(),
}


@dataclass(frozen=True)
class Neighbours:
    """The pool of each caption (``texts``: unpaired sentences) or of each picture (``images``: unpaired pictures).

    Keys are captions, whatever their case and white space, or the names of pictures in the table. Neighbours are sentences, or
    paths of pictures below the folder that ``record["folder"]`` names.

    Raises:
        DataError: ``table`` lacks a column, or a row of it makes no sense; names row and column.
    """

    kind: Kind
    table: polars.DataFrame
    """The columns of `COLUMNS`: ranks from 1, scores that fall."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """How it was made: parameters, digests."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise RecipeError(f"kind: {self.kind!r} is none; {choices(str(self.kind), KINDS)}")
        object.__setattr__(self, "table", _checked(self.table, self.kind).sort("key", "rank"))

    @classmethod
    def from_entries(
        cls, kind: Kind, entries: Mapping[str, Sequence[tuple[str, float]]], record: Mapping[str, Any] | None = None
    ) -> Neighbours:
        """Of the neighbours of each key, the nearest first."""
        rows = [
            (_key(kind, key), rank, neighbour, score)
            for key, found in entries.items()
            for rank, (neighbour, score) in enumerate(found, start=1)
        ]
        return cls(kind, polars.DataFrame(rows, schema=dict(COLUMNS), orient="row"), record or {})

    def __len__(self) -> int:
        return len(self._places)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Neighbours) and self.kind == other.kind and self.table.equals(other.table)

    __hash__ = None  # type: ignore[assignment]

    def of(self, key: str) -> tuple[tuple[str, float], ...]:
        """(neighbour, score), the nearest first; none where none is known."""
        start, length = self._places.get(_key(self.kind, key), (0, 0))
        return tuple(self._values.slice(start, length).rows())

    def has(self, key: str) -> bool:
        """Whether `of` gives any."""
        return _key(self.kind, key) in self._places

    @cached_property
    def _values(self) -> polars.DataFrame:
        """What `of` gives: chosen once, for that costs more than a look at a row."""
        return self.table.select("neighbour", "score")

    @cached_property
    def digest(self) -> str:
        """Another one, other neighbours or scores."""
        found = hashlib.sha256(self.kind.encode())
        for column in self.table.iter_columns():
            found.update(json.dumps(column.to_list()).encode())
        return found.hexdigest()

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        groups = self.table.with_row_index("row").group_by("key", maintain_order=True)
        return {key: (start, length) for key, start, length in groups.agg(polars.col("row").first(), polars.len()).iter_rows()}

    def write(self, folder: Path | str) -> Path:
        """Write ``texts.parquet`` or ``images.parquet``, and its part of ``neighbours.json``; return the folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_parquet(self.table, folder / f"{self.kind}.parquet")
        every = {**read_object(folder / RECORD), self.kind: {**self.record, "keys": len(self), "digest": self.digest}}
        write_text(folder / RECORD, json.dumps(every, ensure_ascii=False, indent=2) + "\n")
        return folder

    @classmethod
    def read(cls, folder: Path | str, kind: Kind) -> Neighbours:
        """What `write` wrote.

        Raises:
            DataError: a file is missing or damaged; names file, row and column.
            RecipeError: ``kind`` is none.
        """
        if kind not in KINDS:
            raise RecipeError(f"kind: {kind!r} is none; {choices(str(kind), KINDS)}")
        path = Path(folder) / f"{kind}.parquet"
        table = read_parquet(path, COLUMNS, made_by=MADE_BY)
        record = recorded(Path(folder), kind)
        try:
            found = cls(kind, table, record)
        except DataError as error:
            raise DataError(f"{display(path)}: {error}") from None
        if record.get("digest", found.digest) != found.digest:
            raise DataError(f"{display(path)} is not the table that {RECORD} beside it describes: the digest is another one")
        return found


def recorded(folder: Path, kind: Kind) -> Mapping[str, Any]:
    """How the folder's table of this kind was made; empty where nothing says so.

    Raises:
        DataError: ``neighbours.json`` is damaged.
    """
    record = read_object(folder / RECORD).get(kind, {})
    if not isinstance(record, dict):
        raise DataError(f"{display(folder / RECORD)}, {kind}: expected an object")
    return record


def forget(folder: Path, kind: Kind) -> None:
    """Remove the folder's table of this kind, and its part of ``neighbours.json``."""
    (folder / f"{kind}.parquet").unlink(missing_ok=True)
    rest = {name: record for name, record in read_object(folder / RECORD).items() if name != kind}
    write_text(folder / RECORD, json.dumps(rest, ensure_ascii=False, indent=2) + "\n")


def _key(kind: Kind, key: str) -> str:
    return normalised(key) if kind == "texts" else key


def _checked(table: polars.DataFrame, kind: Kind) -> polars.DataFrame:
    for column in COLUMNS:
        if column not in table.columns:
            raise DataError(f"neighbours of {kind} have no column {column!r}")
    table = table.select(*COLUMNS)
    before, rank = table["key"].shift(1), table["rank"]
    new = (table["key"] != before).fill_null(True)
    due = ((rank == 1) & new) | ((rank == rank.shift(1) + 1).fill_null(False) & ~new)
    if (row := first_row(~due)) is not None:
        raise DataError(f"row {row}, rank: {rank[row - 1]} is out of turn; the ranks of a key are 1, 2, ... in rows on end")
    starts = table.filter(new)["key"]
    if starts.is_duplicated().any():
        raise DataError(f"key: {starts.filter(starts.is_duplicated())[0]!r} stands in two places")
    score = table["score"]
    if (row := first_row(~score.is_finite())) is not None:
        raise DataError(f"row {row}, score: {score[row - 1]} is not finite")
    if (row := first_row((score > score.shift(1)).fill_null(False) & ~new)) is not None:
        raise DataError(f"row {row}, score: {score[row - 1]} is above that of the rank before")
    neighbour = table["neighbour"] if kind == "images" else _normalised(table["neighbour"])
    itself = table["key"] == neighbour
    if (row := first_row(itself)) is not None:
        raise DataError(f"row {row}, neighbour: is the key itself")
    return table


def _normalised(texts: polars.Series) -> polars.Series:
    unique = texts.unique()
    return texts.replace_strict(unique, [normalised(text) for text in unique], return_dtype=polars.String)
