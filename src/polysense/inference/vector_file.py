"""Vectors on the way to a file: written block by block, whole or not there, and gone on with after a kill.

What is done stands in a folder ``.<name>.partial`` beside the file (:mod:`polysense.inference.begun_vectors`).
"""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from polysense.data.unreadable import mapped_array
from polysense.errors import DataError, RecipeError, choices, display
from polysense.inference.begun_vectors import Begun, changed_settings, complete, partial
from polysense.inference.vector_origin import KEY, VectorOrigin, beside, read_origin
from polysense.progress import say
from polysense.training.checkpoints import write_whole

GROUP = 4096
"""Rows of a group of a Parquet file: about so many are in memory while the blocks are joined."""


class VectorFile(ABC):
    """A file of ``rows`` vectors that is being written.

    Args:
        out: the file.
        rows: how many there will be.
        width: of a vector.
        made_from: what decides the vectors, by name: digests of rows and model, and the settings.
        resume: go on with what is there; else it is thrown away.
        origin: what made the vectors, noted with the finished file.

    Raises:
        RecipeError: what is there was made from something else; the message names it.
        OSError: the folder cannot be written.
    """

    def __init__(
        self,
        out: Path,
        *,
        rows: int,
        width: int,
        made_from: Mapping[str, str],
        resume: bool,
        origin: VectorOrigin | None = None,
    ) -> None:
        self.out = out
        self.origin = origin
        self.rows = rows
        self.width = width
        self.folder = partial(out)
        self.made_from = complete(made_from, rows=rows, width=width)
        self.done = self._found() if resume else 0
        if not self.done:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(exist_ok=True)
        self._open()

    notes_beside: ClassVar[bool]
    """Whether the format has no place of its own for what made the vectors."""

    @property
    def noted(self) -> VectorOrigin | None:
        """What is noted with the finished file."""
        return None if self.origin is None else replace(self.origin, made_from=self.made_from)

    def _found(self) -> int:
        """Rows that are there."""
        if (begun := Begun.of(self.out)) is None:
            return 0
        if changed := changed_settings(begun.made_from, self.made_from):
            raise RecipeError(f"{display(self.out)} was begun with {changed}: begin anew with --overwrite and without --resume")
        if not self._holds(begun.rows):
            say(f"warning: what was begun of {display(self.out)} is damaged: all of it is made anew")
            return 0
        return begun.rows

    def append(self, vectors: np.ndarray, names: Sequence[str], texts: Sequence[str | None]) -> None:
        """The next rows: their vectors (rows, width), ids and texts."""
        self._append(vectors, names, texts)
        self.done += len(vectors)
        Begun(self.made_from, self.done).write(self.out)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Nothing is left behind where it ended before its first rows."""
        if kind is not None and not self.done:
            shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self) -> None:
        """Put the file in its place."""
        assert self.done == self.rows
        whole = self._finished()
        note = beside(self.out)
        # First: vectors without a note are searched as told, with another file's they would be refused.
        note.unlink(missing_ok=True)
        whole.replace(self.out)
        if self.noted is not None and self.notes_beside:
            write_whole(note, self.noted.to_json())
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    @abstractmethod
    def is_whole(out: Path, *, rows: int, width: int) -> bool:
        """Whether the finished file can be read and has as many vectors of that width."""

    @abstractmethod
    def _holds(self, done: int) -> bool:
        """Whether the rows that the note promises are there: a disk may lose what was on it."""

    @abstractmethod
    def _open(self) -> None:
        """Make ready for the row ``done``: what a kill left behind it goes."""

    @abstractmethod
    def _append(self, vectors: np.ndarray, names: Sequence[str], texts: Sequence[str | None]) -> None:
        """Write a block and see to it that it is on the disk."""

    @abstractmethod
    def _finished(self) -> Path:
        """The whole file, in the folder."""


class NpyFile(VectorFile):
    """A NumPy array (rows, width) float32; ids and texts are not in it."""

    notes_beside: ClassVar[bool] = True

    @staticmethod
    def is_whole(out: Path, *, rows: int, width: int) -> bool:
        """By its header, and a size that goes with it."""
        try:
            return bool(mapped_array(out).shape == (rows, width))
        except DataError:
            return False

    def _holds(self, done: int) -> bool:
        try:
            return self._array.stat().st_size >= self._end(done)
        except (OSError, ValueError):
            return False

    def _open(self) -> None:
        if not self.done:
            with self._array.open("wb") as file:
                shape = (self.rows, self.width)
                np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        os.truncate(self._array, self._end(self.done))

    @property
    def _array(self) -> Path:
        return self.folder / "vectors.npy"

    def _end(self, done: int) -> int:
        """The bytes of the header and of so many vectors behind it."""
        with self._array.open("rb") as file:
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
            return file.tell() + 4 * self.width * done

    def _append(self, vectors: np.ndarray, names: Sequence[str], texts: Sequence[str | None]) -> None:
        del names, texts
        with self._array.open("ab") as file:
            file.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
            file.flush()
            os.fsync(file.fileno())

    def _finished(self) -> Path:
        return self._array


class ParquetFile(VectorFile):
    """A Parquet file with the columns ``id``, ``text`` and ``embedding``; one file a block until they are joined."""

    notes_beside: ClassVar[bool] = False

    @staticmethod
    def is_whole(out: Path, *, rows: int, width: int) -> bool:
        """By its footer, which is written last."""
        del width  # of every row what the schema says
        return _length(out) == rows

    def _holds(self, done: int) -> bool:
        place = 0
        for file in self._blocks():
            if place < done and _first(file) == place:
                place += _length(file) or 0
        return place == done

    def _open(self) -> None:
        for file in self._blocks():
            if _first(file) >= self.done:
                file.unlink()

    def _blocks(self) -> list[Path]:
        return sorted(self.folder.glob("rows-*.parquet"))

    def _append(self, vectors: np.ndarray, names: Sequence[str], texts: Sequence[str | None]) -> None:
        import polars as pl

        columns = {
            "id": pl.Series(names, dtype=pl.String),
            "text": pl.Series(texts, dtype=pl.String),
            "embedding": pl.Series(np.ascontiguousarray(vectors, dtype=np.float32), dtype=pl.Array(pl.Float32, self.width)),
        }
        file = self.folder / f"rows-{self.done:012d}.parquet"
        pl.DataFrame(columns).write_parquet(file)
        with file.open("rb") as written:
            os.fsync(written.fileno())

    def _finished(self) -> Path:
        import polars as pl

        whole = self.folder / "whole.parquet"
        metadata = {} if self.noted is None else {KEY: self.noted.to_json()}
        pl.scan_parquet(self._blocks()).sink_parquet(whole, row_group_size=GROUP, metadata=metadata)
        return whole


def _first(block: Path) -> int:
    """The number of a block's first row."""
    return int(block.stem.removeprefix("rows-"))


def _length(file: Path) -> int | None:
    """The rows of a Parquet file; None where it cannot be read."""
    import polars as pl

    try:
        return int(pl.scan_parquet(file).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError):
        return None


FORMATS: Mapping[str, type[VectorFile]] = {".npy": NpyFile, ".parquet": ParquetFile}


def vector_file(
    out: Path,
    *,
    rows: int,
    width: int,
    made_from: Mapping[str, str],
    resume: bool = False,
    origin: VectorOrigin | None = None,
) -> VectorFile:
    """The writer for the ending of ``out``. See :class:`VectorFile`."""
    return FORMATS[known_format(out)](out, rows=rows, width=width, made_from=made_from, resume=resume, origin=origin)


def unlike(out: Path, *, rows: int, width: int, made_from: Mapping[str, str]) -> str:
    """Why the file that is there is not what would be written now (``was made with other rows``); empty where it is."""
    if not (out.is_file() and FORMATS[known_format(out)].is_whole(out, rows=rows, width=width)):
        return "is damaged, or holds other rows"
    origin = read_origin(out)
    if origin is None or not origin.made_from:
        return "does not say what it was made from"
    changed = changed_settings(origin.made_from, complete(made_from, rows=rows, width=width))
    return f"was made with {changed}" if changed else ""


def known_format(out: Path) -> str:
    """The ending of ``out``.

    Raises:
        RecipeError: vectors are not written to such files.
    """
    if out.suffix not in FORMATS:
        raise RecipeError(f"--out {out}: {choices(out.suffix, FORMATS)}")
    return out.suffix
