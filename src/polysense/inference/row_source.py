"""What is encoded: the lines of a text file, one at a time, the rows of a table, or the pictures of a folder."""

from __future__ import annotations

import gzip
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from io import BufferedReader, TextIOWrapper
from itertools import islice
from pathlib import Path

from polysense.data.bad_rows import refuse_or_skip
from polysense.data.media import file_digest
from polysense.data.picture_folder import holds_pictures, picture_folder
from polysense.data.rows import MEDIA
from polysense.data.table import Table, read_table
from polysense.data.verify import verify
from polysense.errors import DataError, Problem, RecipeError, display
from polysense.types import Sample

PACKED = ".txt.gz"

LINES = (".txt", PACKED)
"""The endings of files with one sentence a line; others are tables."""

LONGEST = 1 << 26
"""Characters of a line: a packed file of a few bytes may unpack to one that fills the memory."""


def is_lines(path: Path) -> bool:
    """Whether its ending is that of a file with one sentence a line."""
    return path.name.lower().endswith(LINES)


def is_table(path: Path) -> bool:
    """Whether its rows are those of a table, with columns, and not lines or pictures."""
    return not (is_lines(path) or holds_pictures(path))


class RowSource(ABC):
    """Rows of a file, in its order."""

    rows: int
    digest: str
    """Another one, other rows."""
    notes: tuple[str, ...] = ()
    """What a user should know about the rows."""
    blank: int = 0
    """Rows whose text is empty."""

    @abstractmethod
    def blocks(self, size: int, *, start: int = 0) -> Iterator[list[str] | list[Sample]]:
        """The rows from number ``start`` (from 0) on, at most ``size`` at a time."""

    def samples(self, block: Sequence[str | Sample], start: int) -> list[Sample]:
        """A block that begins at row ``start`` (from 0) as samples."""
        return [
            row if isinstance(row, Sample) else Sample(id=self.name(place), text=row) for place, row in enumerate(block, start)
        ]

    @abstractmethod
    def name(self, row: int) -> str:
        """The id of a row: a table's own, or the number of the line, from 1."""


class Lines(RowSource):
    """A text file (``.txt``, ``.txt.gz``), one sentence a line, read as it is needed: memory does not grow with the file.

    Lines end at a line feed alone, a carriage return before it goes too. A blank line is a row with an empty text, so that row k is
    line k. The whole file is read once beforehand, to count and to check it.

    Args:
        path: the file.
        encoding: of the file.
        name: of it in messages; the path by default.

    Raises:
        DataError: it cannot be read, is empty, is no text in that encoding, or has a line of more than ``LONGEST`` characters; the
            message names the line.
    """

    def __init__(self, path: Path, *, encoding: str = "utf-8", name: str | None = None) -> None:
        self.path = path
        self._shown = name or display(path)
        self.encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
        self.digest = f"{file_digest(path)} {encoding}"
        self.rows, self.blank = self._counted()
        if self.rows == self.blank:
            raise DataError(f"{self._shown} {'holds nothing but blank lines' if self.rows else 'is empty'}")

    def blocks(self, size: int, *, start: int = 0) -> Iterator[list[str]]:
        """The lines without their ends."""
        lines = islice(self._lines(), start, None)
        while block := list(islice(lines, size)):
            yield block

    def name(self, row: int) -> str:
        """The number of the line, from 1."""
        return str(row + 1)

    def _lines(self) -> Iterator[str]:
        try:
            with self._opened() as packed, TextIOWrapper(packed, encoding=self.encoding, newline="\n") as file:
                for number, line in enumerate(iter(lambda: file.readline(LONGEST + 1), ""), start=1):
                    if len(line) > LONGEST:
                        raise DataError(f"{self._shown}: line {number} has more than {LONGEST:,} characters")
                    text = line.removesuffix("\n").removesuffix("\r")
                    yield text if text.strip() else ""
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{self._shown} is damaged, or was cut off: {error}") from None
        except OSError as error:
            raise DataError(f"{self._shown} cannot be read: {error.strerror or error}") from None
        except LookupError:
            raise RecipeError(f"encoding: {self.encoding!r} is not known; usual ones: 'utf-8', 'latin-1', 'cp1252'") from None

    def _opened(self) -> gzip.GzipFile | BufferedReader:
        return gzip.open(self.path) if self.path.name.lower().endswith(PACKED) else self.path.open("rb")

    def _counted(self) -> tuple[int, int]:
        rows = blank = 0
        try:
            for line in self._lines():
                rows += 1
                blank += not line
                if "\0" in line:
                    raise DataError(f"{self._shown} is not a text file: line {rows} holds null bytes")
        except UnicodeDecodeError as error:
            wrong = self._undecodable() or rows + 1
            name = self.encoding.removesuffix("-sig").upper()
            raise DataError(
                f"{self._shown} is not {name}: line {wrong} holds the byte 0x{error.object[error.start]:02X}; "
                "name its encoding with --encoding"
            ) from None
        return rows, blank

    def _undecodable(self) -> int | None:
        """The number of the first line whose bytes are not in the encoding (text is decoded ahead of the lines)."""
        with self._opened() as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST), b""), start=1):
                try:
                    line.decode(self.encoding)
                except UnicodeDecodeError:
                    return number
        return None


class TableRows(RowSource):
    """The rows of a table that was read; of one that was found in a ``folder`` a note says which."""

    def __init__(self, table: Table, *, folder: Path | None = None) -> None:
        self.table = table
        self.rows = len(table)
        self.digest = repr((sorted(table.digests.items()), len(table.skipped)))
        inside = () if folder is None else (f"the rows are those of {display(folder / file)}" for file in table.digests)
        self.notes = (*inside, *(f"skipped: {problem}" for problem in table.skipped))

    def blocks(self, size: int, *, start: int = 0) -> Iterator[list[Sample]]:
        """The samples."""
        for place in range(start, self.rows, size):
            yield list(self.table.samples[place : place + size])

    def name(self, row: int) -> str:
        """The row's id."""
        return self.table.samples[row].id


def open_rows(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    media_root: Path | None = None,
    encoding: str = "utf-8",
    skip_bad_rows: bool = False,
    decode: bool = True,
    reads: Collection[str] = MEDIA,
) -> RowSource:
    """The rows of a text file, of a table, or of a folder of pictures, all of them known to be usable.

    Of a folder the pictures that cannot be used are always left out, and told of. Without ``decode`` nobody looks into pictures.
    Media that are none of what somebody ``reads`` make no row bad.

    Raises:
        DataError: rows are bad and not to be skipped, or the file cannot be used.
        RecipeError: columns, or a folder of media, were named for what has none.
    """
    if holds_pictures(path):
        if columns:
            raise RecipeError("--columns: a folder of pictures has no columns")
        if media_root is not None:
            raise RecipeError("--media-root: the pictures of a folder lie in it")
        pictures = picture_folder(path)
        faults = verify(pictures, splits=()) if decode else ()
        return TableRows(refuse_or_skip(pictures, faults, skip_bad_rows=True))
    if is_lines(path):
        if columns:
            raise RecipeError("--columns: a text file has no columns, every line is a text")
        if media_root is not None:
            raise RecipeError("--media-root: a text file names no pictures, every line is a text")
        return Lines(path, encoding=encoding)
    table = read_table(path, columns=columns, media_root=media_root, encoding=encoding, split_seed=None, reads=reads)
    table = table.read_by(reads)
    problems: list[Problem] = verify(table, splits=(), decode=decode)
    return TableRows(refuse_or_skip(table, problems, skip_bad_rows=skip_bad_rows), folder=path if path.is_dir() else None)
