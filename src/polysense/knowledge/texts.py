"""Texts of a file, one at a time: a file of any size is read without being held."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from polysense.errors import DataError, RecipeError, choices, display

ROWS = 10_000
"""Rows of a Parquet file that are held at a time."""

LONGEST = 1 << 26
"""Characters of a cell; with a quotation mark that is never closed the message comes after so many."""


def read_texts(path: Path, *, column: str = "text", encoding: str = "utf-8") -> Iterator[str]:
    """One text a line of a ``.txt`` file, or one a row of a table (CSV, TSV, JSON lines, Parquet). Blank ones are left out.

    Raises:
        DataError: the file cannot be read, has no such column, or is not in that encoding; the message names the line.
        RecipeError: the ending is no format, or the encoding is not known.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise RecipeError(f"{display(path)}: {kind or 'no ending'} is no format of texts; {choices(kind, FORMATS)}")
    if not path.is_file():
        raise DataError(f"{display(path)} does not exist" if not path.exists() else f"{display(path)} is no file")
    name = display(path)
    texts = _rows(path, column) if kind == _PARQUET else _READERS[kind](_decoded(path, encoding), name, column)
    return _filled(texts, name)


def read_stream(stream: Iterable[bytes], *, encoding: str = "utf-8") -> Iterator[str]:
    """One text a line of what comes in. Raises DataError as `read_texts` does."""
    return _filled(_lines(_decode(stream, "stdin", encoding), "stdin", ""), "stdin")


def _filled(texts: Iterable[str], name: str) -> Iterator[str]:
    empty = True
    for text in texts:
        if text.strip():
            empty = False
            yield text
    if empty:
        raise DataError(f"{name} holds no text")


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    """The lines with their ends."""
    try:
        with path.open("rb") as file:
            yield from _decode(file, display(path), encoding)
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


def _lines(lines: Iterable[str], name: str, column: str) -> Iterator[str]:
    del name, column
    for line in lines:
        yield line.removesuffix("\n").removesuffix("\r")


def _separated(delimiter: str) -> Callable[[Iterable[str], str, str], Iterator[str]]:
    def read(lines: Iterable[str], name: str, column: str) -> Iterator[str]:
        rows = csv.DictReader(iter(lines), delimiter=delimiter, strict=True)
        limit = csv.field_size_limit(LONGEST)
        try:
            _check_column(name, column, rows.fieldnames or ())
            for row in rows:
                yield row[column] or ""
        except csv.Error as error:
            raise DataError(f"{name}, line {rows.line_num}: {error}; is a quotation mark not closed or not doubled?") from None
        finally:
            csv.field_size_limit(limit)

    return read


def _json_lines(lines: Iterable[str], name: str, column: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name}, line {number}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise DataError(f"{name}, line {number}: a JSON object is expected on each line, this is {type(row).__name__}")
        _check_column(f"{name}, line {number}", column, row)
        text = row[column]
        if not isinstance(text, str | None):
            raise DataError(f"{name}, line {number}, {column}: {type(text).__name__} where a text is expected")
        yield text or ""


def _rows(path: Path, column: str) -> Iterator[str]:
    import polars

    try:
        rows = polars.scan_parquet(path)
        _check_column(display(path), column, rows.collect_schema().names())
        for batch in rows.select(polars.col(column).cast(polars.String)).collect_batches(chunk_size=ROWS):
            yield from (text or "" for text in batch[column])
    except (polars.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{display(path)} cannot be read as Parquet: {error}") from None


def _check_column(name: str, column: str, columns: Iterable[str]) -> None:
    if column not in columns:
        raise DataError(f"{name} has no column {column!r}; {choices(column, columns)}; --column names another one")


_READERS: dict[str, Callable[[Iterable[str], str, str], Iterator[str]]] = {
    ".txt": _lines,
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
_PARQUET = ".parquet"
FORMATS = (*_READERS, _PARQUET)
"""The endings of files that hold texts."""
