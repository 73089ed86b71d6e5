"""A region file of UNIMO's release (see `data.region_lines`) becomes a folder with regions in the place of pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from polysense.boxes import BOX
from polysense.data.frames import Provenance, write_frames
from polysense.data.new_folder import new_folder, refuse_full
from polysense.data.region_lines import Background, LineFrames, Reading, read_pictures
from polysense.data.tablefile import find_table, read_raw
from polysense.errors import DataError, Problem, RecipeError, choices, display
from polysense.progress import Progress

TABLE = "posts.jsonl"
"""The rows of a folder with regions."""

STORE = "regions.safetensors"
"""The regions that its rows name."""

MADE_BY = "regions of a file"


@dataclass(frozen=True)
class ImportedRegions:
    """What came of a region file."""

    rows: int
    """Written."""
    with_frames: Mapping[str, int]
    """``image`` -> rows that have regions."""
    problems: tuple[Problem, ...]
    """Bad lines, and bad rows of the table, which are not among those written."""
    pictures: int = 0
    """Whose regions are written."""
    features: int = 0
    classes: int = 0

    @property
    def bad(self) -> tuple[Problem, ...]:
        """All of them."""
        return self.problems


def import_regions(
    file: Path,
    out: Path,
    *,
    detector: str,
    count: int = 100,
    background: Background = "first",
    table: Path | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
    skip_bad_rows: bool = False,
    progress: Progress | None = None,
) -> ImportedRegions:
    """Write a folder with ``posts.jsonl`` and ``regions.safetensors``, as `extract_regions` does.

    The file is read twice, once to check all of it and once to write; of each picture only name, place and size are kept meanwhile.

    Args:
        file: of UNIMO's release.
        out: must be new or empty.
        detector: what made the regions. Those of two files with the same detector count as made alike.
        count: of each picture, the surest first; without probabilities the first of its line.
        background: the class of no object, which makes nobody sure.
        table: rows whose cells ``image`` name pictures of the file, by their names in it, or without folder, or without folder and
            ending; pictures that no row names are left out. Without a table each picture is a row.
        columns: fields of the table that stand under another name.
        encoding: of the table.
        skip_bad_rows: write the others.
        progress: gets (bytes done, bytes).

    Raises:
        RecipeError: ``out`` holds something, or the count or the background is none.
        DataError: the file or the table cannot be read, no row has regions, or the folder cannot be written.
    """
    refuse_full(out)
    if count < 1:
        raise RecipeError(f"regions: expected a number from 1 up, found {count}")
    if background not in get_args(Background):
        raise RecipeError(f"background: {background!r}; {choices(background, get_args(Background))}")
    rows = None if table is None else _Rows(table, columns or {}, encoding)
    reading = Reading(file=file, count=count, background=background)
    pictures, problems = _checked(reading, progress)
    found = list(_alone(pictures) if rows is None else rows.placed(pictures, problems))
    chosen = list(dict.fromkeys(picture for _, picture in found if picture is not None))
    done = ImportedRegions(
        rows=len(found),
        with_frames={"image": sum(picture is not None for _, picture in found)},
        problems=tuple(problems),
        pictures=len(chosen),
    )
    if done.bad and not skip_bad_rows:
        return replace(done, rows=0, pictures=0)
    if not chosen:
        raise DataError(f"{display(file)}: no row has regions", problems=done.bad)
    features, classes = chosen[0].shape[1] - BOX - chosen[0].classes, chosen[0].classes
    made = Provenance(
        MADE_BY,
        {"detector": detector, "features": features, "classes": classes, "regions": count, "background": background},
        {"polysense": version("polysense")},
    )
    with new_folder(out) as folder:
        written = None if progress is None else partial(_second_half, progress, chosen)
        write_frames(folder / STORE, chosen, made, progress=written)
        numbers = {picture: number for number, picture in enumerate(chosen)}
        with (folder / TABLE).open("w", encoding="utf-8") as lines:
            for row, picture in found:
                row["image"] = None if picture is None else f"{STORE}#{numbers[picture]}"
                lines.write(f"{json.dumps(row, ensure_ascii=False, default=str)}\n")
    return replace(done, features=features, classes=classes)


def _checked(reading: Reading, progress: Progress | None) -> tuple[list[LineFrames], list[Problem]]:
    pictures: list[LineFrames] = []
    problems: list[Problem] = []
    size = None
    for found, end in read_pictures(reading):
        if isinstance(found, Problem):
            problems.append(found)
        else:
            pictures.append(found)
        if progress is not None:
            size = size or reading.file.stat().st_size
            progress(end, 2 * size)
    if not pictures and not problems:
        raise DataError(f"{display(reading.file)} is empty")
    return pictures, problems


def _second_half(progress: Progress, chosen: list[LineFrames], done: int, total: int) -> None:
    size = chosen[0].reading.file.stat().st_size
    progress(size + size * done // total, 2 * size)


def _alone(pictures: list[LineFrames]) -> Iterator[tuple[dict[str, Any], LineFrames]]:
    for picture in pictures:
        sides = {"width": picture.width, "height": picture.height}
        whole = {name: int(side) if side.is_integer() else side for name, side in sides.items()}
        yield {"id": picture.name, "image": None, **whole}, picture


class _Rows:
    """A table whose cells name pictures of a region file."""

    def __init__(self, path: Path, columns: Mapping[str, str], encoding: str) -> None:
        self._file = display(path)
        self._raw = read_raw(find_table(path), encoding=encoding)
        for field, column in {"image": "image", **columns}.items():
            if column not in self._raw.columns:
                raise DataError(
                    f"{self._file} has no column {column!r}; name one with --columns {field}=COLUMN; "
                    f"{choices(column, self._raw.columns)}"
                )
        self._fields = {column: field for field, column in columns.items()}
        self._hidden = {field for field in columns if field not in self._fields}

    def placed(self, pictures: list[LineFrames], problems: list[Problem]) -> Iterator[tuple[dict[str, Any], LineFrames | None]]:
        """Each row that can be used, with its picture or None; what is wrong with the others is added to the problems."""
        problems += self._raw.problems
        by_name = {picture.name: picture for picture in pictures}
        for number, cells in self._raw.rows:
            row = {self._fields.get(name, name): value for name, value in cells.items() if name not in self._hidden}
            cell = row["image"]
            if cell is None or (isinstance(cell, str) and not cell.strip()):
                yield row, None
                continue
            picture = next((by_name[name] for name in _names(cell) if name in by_name), None)
            if picture is None:
                name = str(row.get("id") or "") or None
                like = f"; names in it are like {pictures[0].name!r}" if pictures else ""
                reason = f"the region file has no sound line of {str(cell)[:60]!r}{like}"
                problems.append(Problem(file=self._file, row=number, id=name, field="image", reason=reason))
                continue
            yield row, picture


def _names(cell: object) -> tuple[str, ...]:
    """What a picture may be called in the file, the likeliest first."""
    name = str(cell).strip()
    return name, PurePosixPath(name).name, PurePosixPath(name).stem
