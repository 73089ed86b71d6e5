"""Rows of a set whose pictures lie in one folder, named by a cell; or whose regions do, in the pictures' place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from polysense.data.media import file_digest
from polysense.data.rows import FIELDS, MEDIA, RowReader
from polysense.data.table import Table, read_table
from polysense.data.tablefile import read_raw
from polysense.errors import DataError, Problem, choices, display
from polysense.types import Sample

if TYPE_CHECKING:
    from polysense.data.frames import Frames

IMAGE, LABEL = "image", "label"


Cells = Mapping[str, object]


def read_pictured(
    path: Path,
    *,
    columns: Mapping[str, str],
    pictures: Path,
    also: str | None = None,
    label: Callable[[Cells], str | None] | None = None,
    reads: Collection[str] = MEDIA,
) -> Table:
    """The rows of a table file, without splits where it has none.

    Args:
        path: of the table.
        columns: our field -> the column that the table must have for it; of ``image`` the one that names the picture, with or
            without ending. Other fields stand under their own names, or are not there.
        pictures: the folder of the pictures; or one that `data extract regions` or `data convert regions` wrote, by whose rows'
            ids the pictures are found (the name of the picture, with or without folder and ending).
        also: how a picture may be called that is not called as the cell says: ``T{}``.
        label: makes a row's label of its cells; a DataError of it makes the row a bad one.
        reads: the modalities that somebody reads (see `read_table`).

    Raises:
        DataError: the table or the regions cannot be read, or a column is not there.
    """
    raw, file = read_raw(path), display(path)
    for field, column in columns.items():
        if column not in raw.columns:
            raise DataError(f"{file} has no column {column!r} (for {field!r}); {choices(column, raw.columns)}")
    named = {field: field for field in FIELDS if field in raw.columns} | {**columns, IMAGE: IMAGE}
    dropped = {columns[IMAGE]} - set(named.values())
    rows: list[tuple[int, Cells]] = []
    problems = list(raw.problems)
    for number, row in raw.rows:
        made = {name: cell for name, cell in row.items() if name not in dropped} | {IMAGE: row.get(columns[IMAGE])}
        try:
            rows.append((number, made if label is None else {**made, LABEL: label(row)}))
        except DataError as error:
            name = str(row.get(columns["id"]) or "") or None
            problems.append(Problem(file=file, row=number, id=name, field=LABEL, reason=str(error)))
    fields = named if label is None else {**named, LABEL: LABEL}
    samples, bad = pictured(rows, file=file, columns=fields, pictures=pictures, also=also, reads=reads)
    return Table(
        name=path.name,
        samples=tuple(samples),
        problems=tuple(sorted([*problems, *bad], key=lambda one: one.row or 0)),
        columns=raw.columns,
        digests={path.name: file_digest(path)},
        folder=path.parent,
    )


def pictured(
    rows: Iterable[tuple[int, Cells]],
    *,
    file: str,
    columns: Mapping[str, str],
    pictures: Path | None,
    also: str | None = None,
    reads: Collection[str] = MEDIA,
) -> tuple[list[Sample], list[Problem]]:
    """The samples of numbered rows, and what is wrong with the others.

    Args:
        rows: number and cells; ``image`` names the picture.
        file: for messages.
        columns: our field -> the key of a row that holds it.
        pictures: see `read_pictured`; None where rows have no pictures.
        also: see `read_pictured`.
        reads: see `read_pictured`.
    """
    reader = RowReader(file=file, columns=columns, media_root=pictures, reads=reads)
    regions = None if pictures is None else _regions(pictures)
    there = {one.stem for one in pictures.iterdir()} if pictures is not None and also is not None and regions is None else set()
    samples: dict[str, Sample] = {}
    first: dict[str, int] = {}
    problems: list[Problem] = []
    for number, row in rows:
        cell = _picture(row)
        names = [cell, *([] if also is None else [also.format(cell)])] if cell else []
        if regions is not None:
            found = next((one for one in map(regions.get, names) if one is not None), None)
            read = reader.read({**row, IMAGE: found}, number)
        elif called := next((name for name in names if name in there), None):
            read = reader.read({**row, IMAGE: called}, number)
        else:
            read = reader.read(row, number)
        if isinstance(read, Problem):
            problems.append(read)
        elif regions is not None and names and read.image is None and IMAGE in reads:
            reason = f"{regions.place} has no regions of {cell!r}; {choices(cell, regions.names)}"
            problems.append(Problem(file=file, row=number, id=read.id, field=IMAGE, reason=reason))
        elif read.id in samples:
            reason = f"the id stands in row {first[read.id]} too"
            problems.append(Problem(file=file, row=number, id=read.id, field="id", reason=reason))
        else:
            samples[read.id], first[read.id] = read, number
    return list(samples.values()), problems


def _picture(row: Cells) -> str:
    cell = row.get(IMAGE)
    return "" if cell is None else str(cell).strip()


class _Regions:
    """Those of a folder, by the names of their pictures."""

    def __init__(self, table: Path) -> None:
        from polysense.data.frames import Frames

        self.place = display(table)
        self._found: dict[str, Frames] = {}
        there = {one.id: one.image for one in read_table(table, split_seed=None).samples if isinstance(one.image, Frames)}
        self.names = tuple(there)
        for alike in range(3):  # the whole name goes before the others, of all pictures
            for name, frames in there.items():
                self._found.setdefault(_names(name)[alike], frames)

    def get(self, picture: str) -> Frames | None:
        return next((self._found[name] for name in _names(picture) if name in self._found), None)


def _regions(folder: Path) -> _Regions | None:
    """None of a folder of pictures."""
    from polysense.data.region_import import STORE, TABLE

    return _Regions(folder / TABLE) if (folder / TABLE).is_file() and (folder / STORE).is_file() else None


def _names(picture: str) -> tuple[str, str, str]:
    """What a picture may be called, the likeliest first: as it is named, without folder, without folder and ending."""
    path = PurePosixPath(picture)
    return picture, path.name, path.stem
