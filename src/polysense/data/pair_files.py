"""How files of sentence pairs are laid out: with a header line and without, between commas and between tabs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from polysense.data.rows import FIELDS
from polysense.data.tablefile import DELIMITERS, Separated, first_rows
from polysense.errors import DataError, display

USUAL = {
    "sentence": "text",
    "anchor": "text",
    "positive": "pair",
    "negative": "negatives",
    "sentence1": "text",
    "sentence2": "pair",
    "sent0": "text",
    "sent1": "pair",
    "hard_neg": "negatives",
    "hard_negative": "negatives",
    "hard_negatives": "negatives",
    "premise": "text",
    "entailment": "pair",
    "contradiction": "negatives",
}
"""Columns of the files that sentence encoders are usually trained on, and what they are here; case, and signs between words, aside."""


def usual_columns(there: Collection[str], *, taken: Collection[str]) -> dict[str, str]:
    """Field -> the column that files of sentences usually have for it, of the columns ``there`` and the fields not ``taken``."""
    plain = {usual_name(column): column for column in there}
    return {field: plain[name] for name, field in USUAL.items() if name in plain and field not in taken}


def usual_name(column: str) -> str:
    """A column's name as :data:`USUAL` has it: ``Hard negative`` is ``hard_negative``."""
    return "_".join(column.lower().replace("-", " ").replace("_", " ").split())


BY_PLACE = ("text", "pair", "negatives")
"""The columns of a file without a header: one, two or all three of them; an ``id`` before them where every row begins with a number."""

FORMATS = (".csv", ".tsv", ".tab")


Delimiter = Literal["comma", "tab", "semicolon"]


def layout(
    path: Path,
    *,
    encoding: str,
    known: Collection[str] = (),
    header: bool | None = None,
    delimiter: Delimiter | None = None,
) -> Separated | None:
    """How the cells of ``path`` are laid out; None where its ending says all there is to say.

    Tabs stand between the cells of a ``.csv`` file too if one is in its first line. Its first line is a header if one of its
    cells is a usual name or ``known``; it is a row if one of them has a space, as sentences have and names have not.

    Args:
        path: the file.
        encoding: of the file.
        known: names of columns.
        header: whether the first line is one; None looks at it.
        delimiter: between the cells; None looks at the first line.

    Raises:
        DataError: the first line may be either, or a row of it has more cells than there are columns.
    """
    if path.suffix.lower() not in FORMATS:
        return None
    rows, between = first_rows(path, encoding=encoding, delimiter=DELIMITERS[delimiter] if delimiter else None)
    cells = rows[0]
    if header is None:
        header = _is_header(path, cells, {*FIELDS, *USUAL, *known})
    if header:
        return Separated(between)
    numbered = len(cells) > 1 and all(row[0].isdecimal() for row in rows)
    columns = ("id", *BY_PLACE) if numbered else BY_PLACE
    if len(cells) > len(columns):
        raise DataError(
            f"{display(path)} has no header and {len(cells)} columns; without a header one is expected (text), two (text, pair) "
            "or three (text, pair, negatives), and before them a number, which is the row's id"
        )
    return Separated(between, columns=columns[: len(cells)])


def _is_header(path: Path, cells: list[str], names: set[str]) -> bool:
    if names & {*cells, *(usual_name(cell) for cell in cells)}:
        return True
    if any(" " in cell for cell in cells):
        return False
    raise DataError(
        f"{display(path)}: the first line {', '.join(cells)!r} may be a header or a row: say header: false if it is a row, "
        "or which column is the text (columns: {text: ...})"
    )
