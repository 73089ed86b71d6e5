"""A table file as raw rows: CSV, TSV, JSON lines and Parquet.

CSV and JSON lines are read with the standard library: each row becomes a Python object anyway, and its messages can then name
the row at fault. Parquet needs polars.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from polysense.data.decoding import decoded
from polysense.errors import DataError, Problem, choices, display

PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Endings of files that must be unpacked first."""

DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";"}
"""What may stand between the cells of a text file."""

_SEPARATOR = re.compile(r'"?sep=([,;\t])"?(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
"""The line with which Excel says what stands between the cells."""

_LONGEST_CELL = 1 << 26  # characters; a quote that is never closed would otherwise end in a message about 131072


@dataclass(frozen=True, slots=True)
class RawTable:
    """What stands in a table file, before anything is understood."""

    columns: tuple[str, ...]
    rows: list[tuple[int, Mapping[str, object]]]
    """Number (from 1) and cells by column of every row that could be taken apart."""
    problems: list[Problem] = field(default_factory=list)
    """The rows that could not."""


def find_table(path: Path) -> Path:
    """The table file that ``path`` means: itself, or the only table file in the folder ``path``."""
    try:
        if path.is_file():
            return path
        if not path.is_dir():
            raise DataError(f"{display(path)} does not exist")
        found = tables_in(path)
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror}") from None
    if len(found) == 1:
        return found[0]
    if not found:
        raise DataError(f"{display(path)} holds no table file ({', '.join(_READERS)})")
    raise DataError(f"{display(path)} holds {len(found)} table files, name one: {', '.join(one.name for one in found)}")


def is_table(path: Path) -> bool:
    """Whether it has the ending of a table file."""
    return path.suffix.lower() in _READERS


def tables_in(folder: Path) -> list[Path]:
    """The table files that lie in a folder itself."""
    return sorted(one for one in folder.iterdir() if is_table(one) and not one.name.startswith("."))


def read_raw(path: Path, *, encoding: str = "utf-8", separated: Separated | None = None) -> RawTable:
    """The rows of a table file; a DataError says why it cannot be read at all.

    ``separated`` says how a text file of cells is laid out where neither its ending nor its first line does.
    """
    reader = _READERS.get(path.suffix.lower())
    if path.suffix.lower() in PACKED:
        raise DataError(f"{display(path)} is packed, and is not read so: unpack it")
    if reader is None:
        raise DataError(f"{display(path)}: {path.suffix or 'no ending'} is no table format; {choices(path.suffix, _READERS)}")
    data = _read(path)
    raw = reader(path, data, encoding) if separated is None else separated.read(path, data, encoding)
    if not raw.rows and not raw.problems:
        raise DataError(f"{display(path)} has a header but no rows")
    return raw


def first_rows(
    path: Path, *, encoding: str = "utf-8", delimiter: str | None = None, count: int = 20
) -> tuple[list[list[str]], str]:
    """The cells of the first lines of a text file that are not blank, and what stands between them.

    What the file's own line ``sep=;`` says holds, then ``delimiter``; without either it is a comma in a ``.csv`` file that has no
    tab in its first line, and a tab in all others. A quotation mark that is not closed ends the rows: it is for the reading of the
    whole file to say so.
    """
    said, text = _said(decoded(path, _read(path), encoding, row_of=_records_before))
    lines = (line for line in _lines(text) if line.strip())
    first = next(lines, "")
    delimiter = said or delimiter
    every = chain([first], lines)
    if delimiter is None:
        delimiter = "," if path.suffix.lower() == ".csv" and "\t" not in first else "\t"
    if delimiter == "\t":
        return [[cell.strip().strip('"') for cell in line.split("\t")] for line in islice(every, count)], delimiter
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend([cell.strip() for cell in cells] for cells in islice(csv.reader(every, delimiter=delimiter), count))
    return rows or [[first.strip()]], delimiter


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None
    if not data.strip():
        raise DataError(f"{display(path)} is empty")
    return data


@dataclass(frozen=True, slots=True)
class Separated:
    """How the cells of a text file are laid out."""

    delimiter: str
    """The character between the cells, one of `DELIMITERS`."""
    columns: tuple[str, ...] | None = None
    """The columns of a file whose first line is a row; None where it is their header."""

    def __str__(self) -> str:
        name = next(name for name, character in DELIMITERS.items() if character == self.delimiter)
        between = f"{name}s stand between the cells"
        if self.columns is None:
            return f"{between}, the first line is their header"
        return f"{between}, the first line is a row: its cells are {', '.join(self.columns)}"

    def read(self, path: Path, data: bytes, encoding: str) -> RawTable:
        """The rows of a file; what its first line says of the cells, as Excel writes it (``sep=;``), holds.

        Tab-separated files come with quoting, like CSV, and without, where a quote is a character like any other.
        """
        said, text = _said(decoded(path, data, encoding, row_of=_records_before))
        if said is not None:
            return replace(self, delimiter=said)._rows(path, text, quoting=csv.QUOTE_MINIMAL, before=1)
        if self.delimiter != "\t":
            return self._rows(path, text, quoting=csv.QUOTE_MINIMAL)
        try:
            quoted = self._rows(path, text, quoting=csv.QUOTE_MINIMAL)
        except DataError:
            return self._rows(path, text, quoting=csv.QUOTE_NONE)
        if not quoted.problems:
            return quoted
        plain = self._rows(path, text, quoting=csv.QUOTE_NONE)
        return plain if len(plain.problems) < len(quoted.problems) else quoted

    def _rows(self, path: Path, text: str, *, quoting: Literal[0, 3], before: int = 0) -> RawTable:
        return _separated(path, text, delimiter=self.delimiter, quoting=quoting, columns=self.columns, before=before)


def _separated(
    path: Path, text: str, *, delimiter: str, quoting: Literal[0, 3], columns: Sequence[str] | None, before: int
) -> RawTable:
    """The rows of a text, which has ``before`` lines of the file before it."""
    name = display(path)
    limit = csv.field_size_limit(_LONGEST_CELL)
    records: list[tuple[int, list[str]]] = []  # the line on which a record ends, its cells
    reader = csv.reader(_lines(text), delimiter=delimiter, quoting=quoting, strict=True)
    try:
        records.extend((before + reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        first = next(_lines(text), "").strip()
        if columns is None and delimiter not in first:
            _check_header(path, [first], delimiter)  # cells that are quoted are no fault where others stand between them
        start = records[-1][0] + 1 if records else before + 1
        place = f"row {len(records)}" if records else "header"
        raise DataError(
            f"{name}, {place} (from line {start}): {error}; is a quotation mark not closed or not doubled?"
        ) from None
    finally:
        csv.field_size_limit(limit)
    if not records:
        raise DataError(f"{name} holds nothing but its line sep=" if before else f"{name} is empty")
    if columns is None:
        header = [cell.strip() for cell in records.pop(0)[1]]
        _check_header(path, header, delimiter)
    else:
        header = list(columns)
    there = "header" if columns is None else "first row"
    raw = RawTable(tuple(column for column in header if column), [])
    for number, (line, cells) in enumerate(records, start=1):
        if len(cells) == len(header):
            raw.rows.append((number, {column: cell for column, cell in zip(header, cells, strict=True) if column}))
        else:
            reason = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} where the {there} has {len(header)} (line {line})"
            raw.problems.append(Problem(file=name, row=number, id=None, field="row", reason=reason))
    return raw


def _lines(text: str) -> Iterator[str]:
    """The lines with their endings; `str.splitlines` would also cut at characters that may stand inside a cell."""
    if "\n" not in text:
        text = text.replace("\r", "\n")
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _said(text: str) -> tuple[str | None, str]:
    """What a first line ``sep=;`` says, and the text behind it; None and the text where it is none."""
    said = _SEPARATOR.match(text)
    return (None, text) if said is None else (said[1], text[said.end() :])


def _check_header(path: Path, header: list[str], delimiter: str) -> None:
    name = display(path)
    repeated = sorted({column for column in header if column and header.count(column) > 1})
    if repeated:
        raise DataError(f"{name}: the header names {', '.join(map(repr, repeated))} more than once")
    other = next((one for one in DELIMITERS.items() if len(header) == 1 and one[1] != delimiter and one[1] in header[0]), None)
    if other is None:
        return
    between = next(word for word, character in DELIMITERS.items() if character == delimiter)
    usual = {"comma": ".csv", "tab": ".tsv"}.get(other[0])
    ways = [] if usual is None else [f"end the name of the file in {usual}"]
    ways += ["write a first line sep=; into it"] if other[0] == "semicolon" else []
    ways += [f"say so: --delimiter {other[0]} in `polysense data verify`, --set corpora.0.delimiter={other[0]} in training"]
    raise DataError(
        f"{name}: the header {header[0]!r} is one column: {other[0]}s stand between the cells, and {between}s are looked for in a "
        f"{path.suffix} file; {', or '.join(ways)}"
    )


def _read_jsonl(path: Path, data: bytes, encoding: str) -> RawTable:
    name = display(path)
    text = decoded(path, data, encoding, row_of=lambda before: before.count("\n") + 1)
    columns: dict[str, None] = {}
    raw = RawTable((), [])
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raw.problems.append(Problem(file=name, row=number, id=None, field="row", reason=f"not JSON: {error}"))
            continue
        if not isinstance(row, dict):
            reason = f"a JSON object is expected on each line, this is {type(row).__name__}"
            raw.problems.append(Problem(file=name, row=number, id=None, field="row", reason=reason))
            continue
        columns |= dict.fromkeys(row)
        raw.rows.append((number, row))
    if not raw.rows:
        raise DataError(f"{name}: no line is a JSON object. {raw.problems[0]}", problems=raw.problems)
    return RawTable(tuple(columns), raw.rows, raw.problems)


def _read_parquet(path: Path, data: bytes, encoding: str) -> RawTable:
    import polars

    try:
        frame = polars.read_parquet(data)
        return RawTable(tuple(frame.columns), list(enumerate(frame.iter_rows(named=True), start=1)))
    except (polars.exceptions.PolarsError, OSError, ValueError) as error:
        raise DataError(f"{display(path)} cannot be read as Parquet: {error}") from None


def _records_before(text: str) -> int:
    """The row in which the text after ``text`` stands; 0 is the header. Counts records, which may span lines."""
    try:
        return sum(1 for cells in csv.reader(_lines(_said(text)[1] + "x")) if cells) - 1
    except csv.Error:
        return 0


_READERS: dict[str, Callable[[Path, bytes, str], RawTable]] = {
    ".csv": Separated(",").read,
    ".tsv": Separated("\t").read,
    ".tab": Separated("\t").read,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
}
