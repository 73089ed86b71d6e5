"""One row of a table, whatever its cells are made of, becomes a Sample."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polysense.data.cells import BadCellError, as_text, shorten
from polysense.data.media_cells import MediaCells
from polysense.data.spans import marked
from polysense.errors import DataError, Problem, choices
from polysense.types import MODALITIES, Sample, Span

SPLITS: tuple[str, ...] = ("train", "validation", "test")
"""The parts of a table, in the order in which reports list them."""

_SINGLE_SCORES = {f"score_{name}": name for name in ("text", "audio", "video")}
"""Column -> the modality that people scored alone."""

_ROW = ("id", *MODALITIES, "pair", "negatives", "aspect", "spans", "label")
FIELDS: tuple[str, ...] = (*_ROW, "score", *_SINGLE_SCORES, "split", "group")
"""The columns that mean something to polysense; all others go into ``Sample.extra``."""

MEDIA: tuple[str, ...] = ("image", "audio", "video")
"""The fields of files, which may be missing or damaged."""

_ALIASES = {"training": "train", "valid": "validation", "val": "validation", "dev": "validation", "testing": "test"}


def split_name(value: str) -> str:
    """The standard name of a split: ``dev`` and ``val`` are ``validation``. An unknown name is a DataError."""
    name = value.strip().casefold()
    name = _ALIASES.get(name, name)
    if name not in SPLITS:
        raise DataError(f"{value!r} is not a split; {choices(name, [*SPLITS, *_ALIASES])}")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReader:
    """How the cells of one table become samples."""

    file: str
    """The table's name in messages."""
    columns: Mapping[str, str]
    """Our field -> the table's column that holds it; fields the table lacks are not there."""
    media_root: Path | None
    """Media lie in this folder and nowhere else; None where they may lie anywhere."""
    label_separator: str | None = None
    """Stands between the classes of one label cell; None where a cell is one class."""
    reads: Collection[str] = MEDIA
    """The modalities that somebody reads: other media that cannot be used are as if they were not there."""

    def read(self, row: Mapping[str, object], number: int) -> Sample | Problem:
        """The sample of row ``number`` (from 1), or what is wrong with it."""
        row_id: str | None = None
        try:
            row_id = self._text(row, "id") or str(number)
            sample = self._sample(row, row_id, number)
        except BadCellError as bad:
            return Problem(file=self.file, row=number, id=row_id, field=bad.field, reason=bad.reason)
        if not (sample.text or "").strip() and not set(sample.modalities) - {"text"}:
            media = [name for name in MEDIA if name in self.columns and name in self.reads]
            lacks = "no text" if sample.text is None else "the text is empty"
            reason = f"nothing usable: {lacks}" + (f", and no {' or '.join(media)}" if media else "")
            return Problem(file=self.file, row=number, id=row_id, field="row", reason=reason)
        return sample

    def names(self, row: Mapping[str, object]) -> bool:
        """Whether the row has an id of its own, and its number does not stand for one."""
        return bool(self._text(row, "id"))

    def _sample(self, row: Mapping[str, object], row_id: str, number: int) -> Sample:
        return Sample(
            id=row_id,
            text=self._text(row, "text"),
            pair=self._text(row, "pair") or None,
            negatives=self._negatives(row),
            aspect=(self._text(row, "aspect") or "").strip() or None,
            spans=self._spans(row),
            image=self._medium(row, "image"),
            audio=self._medium(row, "audio"),
            video=self._medium(row, "video"),
            label=self._label(row),
            score=self._score(row, "score"),
            scores=self._scores(row),
            split=self._split(row),
            group=self._text(row, "group") or None,
            extra=self._extra(row),
            origin=origin(self.file, number),
        )

    def _medium(self, row: Mapping[str, object], field: str) -> Any:
        cells, value = MediaCells(self.media_root), self._cell(row, field)
        try:
            return cells.picture(value) if field == "image" else cells.clip(value, field)
        except BadCellError:
            if field in self.reads:
                raise
            return None

    def _cell(self, row: Mapping[str, object], field: str) -> object:
        """The cell of a field; None where it is missing, and a float NaN is how some libraries say missing."""
        value = row.get(self.columns[field]) if field in self.columns else None
        return None if isinstance(value, float) and math.isnan(value) else value

    def _text(self, row: Mapping[str, object], field: str) -> str | None:
        value = self._cell(row, field)
        return None if value is None else as_text(value, field)

    def _negatives(self, row: Mapping[str, object]) -> tuple[str, ...]:
        value = self._cell(row, "negatives")
        if value is None or value == "":
            return ()
        texts = value if isinstance(value, list | tuple) else [value]
        return tuple(as_text(one, "negatives") for one in texts)

    def _spans(self, row: Mapping[str, object]) -> tuple[Span, ...] | None:
        value = self._cell(row, "spans")
        if value is None or value == "":
            return None
        try:
            found = marked(value, len(self._text(row, "text") or ""))
        except DataError as error:
            raise BadCellError("spans", str(error)) from None
        for span in found:
            as_text(span.role, "spans")
        return found

    def _label(self, row: Mapping[str, object]) -> str | tuple[str, ...] | None:
        value = self._cell(row, "label")
        if value is None:
            return None
        if isinstance(value, list | tuple):
            return tuple(as_text(one, "label").strip() for one in value)  # an empty list is an answer: none of the classes
        text = as_text(value, "label").strip()
        if self.label_separator is None:
            return text or None
        return tuple(part.strip() for part in text.split(self.label_separator) if part.strip()) or None

    def _scores(self, row: Mapping[str, object]) -> dict[str, float]:
        found = {modality: self._score(row, column) for column, modality in _SINGLE_SCORES.items()}
        return {modality: score for modality, score in found.items() if score is not None}

    def _score(self, row: Mapping[str, object], field: str) -> float | None:
        value = row.get(self.columns[field]) if field in self.columns else None
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            score = float(value)  # type: ignore[arg-type]  # what is no number raises
        except (TypeError, ValueError):
            raise BadCellError(field, f"{shorten(value)} is not a number") from None
        except OverflowError:  # a whole number of hundreds of digits
            score = math.inf
        if not math.isfinite(score):
            raise BadCellError(field, f"{shorten(value)} is not a finite number")
        return score

    def _split(self, row: Mapping[str, object]) -> str | None:
        value = (self._text(row, "split") or "").strip()
        if not value:
            return None
        try:
            return split_name(value)
        except DataError as error:
            raise BadCellError("split", str(error)) from None

    def _extra(self, row: Mapping[str, object]) -> dict[str, str]:
        taken = set(self.columns.values())
        found = {
            str(name): "" if value is None else str(value)
            for name, value in row.items()
            if name not in taken and (value is None or isinstance(value, str | int | float | numbers.Number))
        }
        for name, text in found.items():
            as_text(name, f"the name of the column {name!a}")
            as_text(text, name)
        return found


def origin(file: str, number: int) -> str:
    """How messages name a row."""
    return f"{file}, row {number}"


def taken_id(name: str, *, named: bool, first: int, first_named: bool) -> str:
    """Why a row cannot have the id ``name``, which row ``first`` has; of both, whether the table names it or it is the row's number."""
    if named and first_named:
        return f"the id stands in row {first} too"
    if first_named:
        return f"the id is empty, so the row is called by its number, and row {first} has the id {name!r}; write another one"
    return f"row {first} has no id, so it is called by its number, {name!r}; write ids into all rows, or into none"


def place(sample: Sample) -> tuple[str, int | None]:
    """The file and the row that ``sample.origin`` names; no row where it names none."""
    file, _, number = sample.origin.rpartition(", row ")
    return (file, int(number)) if number.isdecimal() else (sample.origin, None)
