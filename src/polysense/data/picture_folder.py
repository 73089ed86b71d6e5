"""The pictures of a folder as the rows of a table."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from polysense.data.rows import RowReader
from polysense.data.table import Table
from polysense.data.tablefile import tables_in
from polysense.data.unmapped import PHOTOGRAPHS
from polysense.errors import DataError, Problem, display

ENDINGS = PHOTOGRAPHS | {".avif"}
"""Of files that are taken for pictures."""


def holds_pictures(path: Path) -> bool:
    """Whether it is a folder whose pictures are meant: one with a table in it stands for the table."""
    return path.is_dir() and not tables_in(path)


def picture_folder(folder: Path) -> Table:
    """A row for every picture in ``folder`` and the folders in it, by name; its id is its path from there.

    Hidden files and folders are passed over, and links to folders are not followed. Pictures are not opened; a link that leads out of
    the folder is a bad row.

    Raises:
        DataError: there is no picture.
    """
    names = pictures_in(folder)
    reader = RowReader(file=display(folder), columns={"id": "id", "image": "image"}, media_root=folder)
    samples, problems = [], []
    digest = hashlib.sha256()
    for number, name in enumerate(names, start=1):
        read = reader.read({"id": name, "image": name}, number)
        if isinstance(read, Problem):
            problems.append(read)
            continue
        samples.append(replace(read, origin=f"{display(folder)}, row {number}"))
        status = (folder / name).stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogatepass"))
    return Table(
        name=display(folder),
        samples=tuple(samples),
        problems=tuple(problems),
        columns=("id", "image"),
        digests={"the pictures' names, sizes and times": digest.hexdigest()},
        folder=folder,
    )


def pictures_in(folder: Path) -> list[str]:
    """The paths from ``folder`` of the pictures in it and in the folders in it, in order.

    Raises:
        DataError: there is none.
    """
    names = sorted(_names(folder))
    if not names:
        raise DataError(f"{display(folder)} holds no pictures ({', '.join(sorted(ENDINGS))}) and no table")
    return names


def _names(folder: Path) -> Iterator[str]:
    for home, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in ENDINGS:
                yield (Path(home) / name).relative_to(folder).as_posix()
