"""Texts of a file, one at a time: a file of any size is read without being held."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polysense.errors import DataError, Problem, RecipeError, choices, display

if TYPE_CHECKING:
    import _csv

ROWS = 10_000
"""Rows of a Parquet file that are held at a time."""

LONGEST = 1 << 26
"""Characters of a cell; with a quotation mark that is never closed the message comes after so many."""


Skip = Callable[[Problem], None]
"""Told of each row that is left out."""


def read_texts(path: Path, *, column: str = "text", encoding: str = "utf-8", skip: Skip | None = None) -> Iterator[str]:
    """One text a line of a text file (``.txt``, ``.txt.gz``), or one a row of a table (CSV, TSV, JSON lines, Parquet).

    Blank ones are left out. A TSV file is read as `polysense.data.tablefile` reads it: with quoting, and without where fewer rows
    are bad then.

    Args:
        path: the file.
        column: of a table, the one that holds the texts.
        encoding: of all but Parquet.
        skip: is told of the rows that cannot be used and of those of a table that hold no text, and they are left out; without it
            the first one that cannot be used raises.

    Raises:
        DataError: the file cannot be read, has no such column, is not in that encoding, or a row is bad; the message names it.
        RecipeError: the ending is no format, or the encoding is not known.
    """
    kind = ending(path)
    if kind not in FORMATS:
        raise RecipeError(f"{display(path)}: {kind or 'no ending'} is no format of texts; {choices(kind, FORMATS)}")
    if not path.is_file():
        raise DataError(f"{display(path)} does not exist" if not path.exists() else f"{display(path)} is no file")
    return _filled(_READERS[kind](path, column, encoding), display(path), skip)


def ending(path: Path) -> str:
    """What tells the format of a file: ``.txt.gz`` is one ending."""
    return _COMPRESSED if path.name.lower().endswith(_COMPRESSED) else path.suffix.lower()


def read_stream(stream: Iterable[bytes], *, encoding: str = "utf-8") -> Iterator[str]:
    """One text a line of what comes in. Raises DataError as `read_texts` does."""
    return _filled(_lines(_decode(stream, "stdin", encoding)), "stdin", None)


def _filled(texts: Iterable[str | Problem], name: str, skip: Skip | None) -> Iterator[str]:
    empty, first = True, None
    for text in texts:
        if isinstance(text, Problem):
            first = first or text
            if skip is not None:
                skip(text)
            elif text.severity == "bad":
                raise DataError(f"{text}; --skip-bad-rows goes on without such rows", problems=[text])
        elif text.strip():
            empty = False
            yield text
    if empty:
        raise DataError(f"{name} holds no text" if first is None else f"{name} holds no text that can be used. {first}")


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    """The lines with their ends."""
    try:
        with gzip.open(path) if ending(path) == _COMPRESSED else path.open("rb") as file:
            yield from _decode(file, display(path), encoding)
    except (EOFError, zlib.error) as error:
        raise DataError(f"{display(path)} is damaged, or was cut off: {error}") from None
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None


def _decode(stream: Iterable[bytes], name: str, encoding: str) -> Iterator[str]:
    """Line by line, so that a wrong byte is named with its line. UTF-16 and UTF-32 are not read: their line feeds are several bytes."""
    plain = encoding.lower().replace("_", "-")
    try:
        wide = len("\n".encode(encoding)) > 1
    except LookupError:
        raise RecipeError(f"encoding: {encoding!r} is not known; usual ones: 'utf-8', 'latin-1', 'cp1252', 'gb18030'") from None
    if wide:
        raise RecipeError(f"encoding: {encoding!r} is not read line by line: save the file as UTF-8")
    for number, line in enumerate(stream, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 and plain in {"utf-8", "utf8"} else encoding)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name} is not {encoding.upper()}: line {number} holds the byte 0x{error.object[error.start]:02X}; "
                "save it as UTF-8, or name its encoding with --encoding"
            ) from None
        if "\0" in text:
            raise DataError(f"{name} is not a text file: line {number} holds null bytes")
        yield text


def _lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line.removesuffix("\n").removesuffix("\r")


def _read_lines(path: Path, column: str, encoding: str) -> Iterator[str]:
    del column
    return _lines(_decoded(path, encoding))


def _read_commas(path: Path, column: str, encoding: str) -> Iterator[str | Problem]:
    return _separated(path, column, encoding, ",", csv.QUOTE_MINIMAL)


def _read_tabs(path: Path, column: str, encoding: str) -> Iterator[str | Problem]:
    """Which way of quoting fits shows the whole file: it is read once more before."""

    def bad_rows(quoting: Literal[0, 3]) -> int:
        rows = _separated(path, column, encoding, "\t", quoting)
        return sum(isinstance(row, Problem) and row.severity == "bad" for row in rows)

    quoted = bad_rows(csv.QUOTE_MINIMAL)
    plain = quoted > 0 and bad_rows(csv.QUOTE_NONE) < quoted
    yield from _separated(path, column, encoding, "\t", csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL)


def _separated(path: Path, column: str, encoding: str, delimiter: str, quoting: Literal[0, 3]) -> Iterator[str | Problem]:
    name = display(path)
    rows = csv.reader(_decoded(path, encoding), delimiter=delimiter, quoting=quoting, strict=True)
    limit = csv.field_size_limit(LONGEST)
    try:
        header: list[str] = []
        number = 0
        while (cells := _next(rows)) is not None:
            if isinstance(cells, list) and not cells:  # a blank line
                continue
            if not header:
                if isinstance(cells, str):
                    raise DataError(f"{name}, header: {cells}")
                header = [cell.strip() for cell in cells]
                _check_column(name, column, header)
                continue
            number += 1
            if isinstance(cells, str):
                yield _bad(name, number, cells)
            elif len(cells) != len(header):
                there = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}"
                yield _bad(name, number, f"{there} where the header has {len(header)} (line {rows.line_num})")
            else:
                yield _text(name, number, column, cells[header.index(column)])
    finally:
        csv.field_size_limit(limit)


def _next(rows: _csv.Reader) -> list[str] | str | None:
    """The next row's cells, or why there are none: it goes on at the next line then; None at the end."""
    try:
        return next(rows, None)
    except csv.Error as error:
        return f"{error} (line {rows.line_num}); is a quotation mark not closed or not doubled?"


def _read_json(path: Path, column: str, encoding: str) -> Iterator[str | Problem]:
    name = display(path)
    for number, line in enumerate(_decoded(path, encoding), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield _bad(name, number, f"not JSON: {error}")
            continue
        if not isinstance(row, dict):
            yield _bad(name, number, f"a JSON object is expected on each line, this is {type(row).__name__}")
        elif column not in row:
            yield _bad(name, number, _no_column(column, row))
        elif not isinstance(text := row[column], str | None):
            yield _bad(name, number, f"{type(text).__name__} where a text is expected", field=column)
        else:
            yield _text(name, number, column, text)


def _read_parquet(path: Path, column: str, encoding: str) -> Iterator[str | Problem]:
    import polars

    del encoding
    name, number = display(path), 0
    try:
        rows = polars.scan_parquet(path)
        _check_column(name, column, rows.collect_schema().names())
        for batch in rows.select(polars.col(column).cast(polars.String)).collect_batches(chunk_size=ROWS):
            for text in batch[column]:
                number += 1
                yield _text(name, number, column, text)
    except (polars.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{name} cannot be read as Parquet: {error}") from None


def _text(name: str, row: int, column: str, text: str | None) -> str | Problem:
    if text and text.strip():
        return text
    return Problem(file=name, row=row, id=None, field=column, reason="there is no text", severity="warning")


def _bad(name: str, row: int, reason: str, field: str = "row") -> Problem:
    return Problem(file=name, row=row, id=None, field=field, reason=reason)


def _check_column(name: str, column: str, columns: Iterable[str]) -> None:
    if column not in columns:
        raise DataError(f"{name}: {_no_column(column, columns)}")


def _no_column(column: str, columns: Iterable[str]) -> str:
    return f"there is no column {column!r}; {choices(column, columns)}; name the one that holds the texts"


_COMPRESSED = ".txt.gz"
_READERS: dict[str, Callable[[Path, str, str], Iterator[str | Problem]]] = {
    ".txt": _read_lines,
    _COMPRESSED: _read_lines,
    ".csv": _read_commas,
    ".tsv": _read_tabs,
    ".tab": _read_tabs,
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".parquet": _read_parquet,
}
FORMATS = tuple(_READERS)
"""The endings of files that hold texts."""
