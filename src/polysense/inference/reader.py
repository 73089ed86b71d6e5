"""Rows that are handed over in Python, read as samples; a row that cannot be used says why, with the nearest field."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from polysense.data.media import content_key
from polysense.data.rows import FIELDS, RowReader, origin
from polysense.errors import DataError, Problem, choices
from polysense.types import MODALITIES, Sample

Row = Mapping[str, Any] | str | Sample | Problem
"""``{"text": ..., "image": ...}``, a bare text, a sample, or a row that could not be read."""

ROWS = "rows"
"""What messages call them."""

_READER = RowReader(file=ROWS, columns={name: name for name in FIELDS}, media_root=None)


class Reader:
    """Reads rows for a model. Pictures may lie anywhere; they are not decoded here.

    Args:
        modalities: that the model reads.
    """

    def __init__(self, modalities: Sequence[str]) -> None:
        self.modalities = tuple(modalities)
        self._warned: set[str] = set()

    def read(self, row: object, number: int, *, blank_texts: bool = False) -> Sample | Problem:
        """The row ``number`` (from 1) as a sample that the model can answer, or why it is none.

        ``blank_texts`` takes a bare text for one although it is blank.

        Warns:
            UserWarning: a key looks like a modality that the row lacks; once a key.
        """
        if isinstance(row, Problem):
            return row
        if isinstance(row, Sample):
            return self._usable(row, number)
        if isinstance(row, str):
            if blank_texts and not row.strip():
                return self._usable(Sample(id=str(number), text=row, origin=origin(ROWS, number)), number)
            row = {"text": row}
        if not isinstance(row, Mapping):
            return _problem(number, str(number), "row", f"expected a text or a dict, got {type(row).__name__}")
        read = _READER.read(row, number)
        if isinstance(read, Problem):
            return self._hinted(read, row)
        self._warn(read, row)
        return self._usable(read, number)

    def _usable(self, sample: Sample, number: int) -> Sample | Problem:
        if not set(self.modalities) & set(sample.modalities):
            has = " and ".join(sample.modalities) or "neither"
            return _problem(number, sample.id, "row", f"the model reads {' and '.join(self.modalities)}, the row has {has}")
        if sample.image is not None and "image" in self.modalities:
            try:
                content_key(sample.image)  # a file that cannot be opened; whether it holds a picture shows when it is decoded
            except DataError as error:
                return _problem(number, sample.id, "image", str(error))
        return sample

    def _hinted(self, problem: Problem, row: Mapping[str, Any]) -> Problem:
        """The problem of a row without content, with what its unknown keys may have meant."""
        unknown = [str(key) for key in row if key not in FIELDS]
        if problem.field != "row" or not unknown:
            return problem
        reason = f"{problem.reason}; {unknown[0]!r} is no field: {choices(unknown[0], self.modalities)}"
        return _problem(problem.row, problem.id, problem.field, reason)

    def _warn(self, sample: Sample, row: Mapping[str, Any]) -> None:
        for key in row:
            near = get_close_matches(str(key), MODALITIES, n=1, cutoff=0.7) if key not in FIELDS else []
            if near and near[0] in self.modalities and near[0] not in sample.modalities and key not in self._warned:
                self._warned.add(str(key))
                warnings.warn(f"rows: {key!r} is no field and is not read; did you mean {near[0]!r}?", stacklevel=4)


def listed(rows: object) -> Iterable[Any]:
    """The rows one after the other; a single one is a list of one.

    Raises:
        DataError: it is nothing of the kind.
    """
    if is_single(rows):
        return [rows]
    if type(rows).__name__ == "DataFrame":
        raise DataError(
            "rows: a data frame is a table of columns; hand over its rows as dicts: .to_dicts(), .to_dict('records')"
        )
    if not isinstance(rows, Iterable) or isinstance(rows, bytes | bytearray):
        raise DataError(f"rows: expected a text, a dict, or several of them, got {type(rows).__name__}")
    return rows


def is_single(rows: object) -> bool:
    """Whether it is one row and not several."""
    return isinstance(rows, Mapping | str | Sample | Problem)


def _problem(row: int | None, name: str | None, field: str, reason: str) -> Problem:
    return Problem(file=ROWS, row=row, id=name, field=field, reason=reason)
