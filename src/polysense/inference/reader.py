"""Rows that are handed over in Python, read as samples; a row that cannot be used says why, with the nearest field."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from polysense.data.clip_file import kind
from polysense.data.frames import ARRAY, STORE, Frames
from polysense.data.media import content_key
from polysense.data.rows import FIELDS, RowReader, origin
from polysense.errors import DataError, Problem, choices
from polysense.inference.extraction.clips import Extracts, read_clip
from polysense.inference.given_words import given_words, joined
from polysense.inference.media import MEDIA
from polysense.types import MODALITIES, Sample

Row = Mapping[str, Any] | str | Sequence[str] | Sample | Problem
"""``{"text": ..., "image": ...}``, a bare text, the words of one, a sample, or a row that could not be read."""

ROWS = "rows"
"""What messages call them."""

READS_NONE = "the model reads texts alone, the row asks about an aspect"
"""What is wrong with an aspect that nothing reads."""

AspectFault = Callable[[Sample], str | None]
"""Why a model that reads aspects cannot read that of a row, or None."""

_READER = RowReader(file=ROWS, columns={name: name for name in FIELDS}, media_root=None)


class Reader:
    """Reads rows for a model. Pictures may lie anywhere; they are not decoded here.

    Args:
        modalities: that the model reads.
        aspect_fault: of a model that reads aspects.
        extracts: who makes frames of recordings and films, by modality, of a model that reads frames.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        *,
        aspect_fault: AspectFault | None = None,
        extracts: Mapping[str, Extracts] | None = None,
    ) -> None:
        self.modalities = tuple(modalities)
        self.aspect_fault = aspect_fault
        self.extracts = dict(extracts or {})
        self._reader = replace(_READER, reads=self.modalities)
        self._warned: set[str] = set()

    def read(self, row: object, number: int, *, to_embed: bool = False) -> Sample | Problem:
        """The row ``number`` (from 1) as a sample that the model can answer, or why it is none.

        ``to_embed`` is for rows that nothing is asked about: a bare text is then one although it is blank, and an aspect that the model
        does not read is passed over, as a label is.

        Warns:
            UserWarning: a key is no field and looks, or its value does, like a modality that the row lacks; once a key.
            A file lacks what the model reads of it.
        """
        found = self._read(row, number, blank_texts=to_embed)
        if isinstance(found, Problem):
            return found
        unread = None if found.aspect is None or to_embed else READS_NONE
        fault = unread if self.aspect_fault is None else self.aspect_fault(found)
        return found if fault is None else _problem(number, found.id, "aspect", fault)

    def _read(self, row: object, number: int, *, blank_texts: bool) -> Sample | Problem:
        if isinstance(row, Problem):
            return row
        if isinstance(row, Sample):
            return self._usable(row, number)
        if (given := given_words(row)) is not None:
            row = joined(row, given)
        if isinstance(row, str):
            if blank_texts and not row.strip():
                return self._usable(Sample(id=str(number), text=row, origin=origin(ROWS, number)), number)
            row = {"text": row}
        if not isinstance(row, Mapping):
            return _problem(number, str(number), "row", f"expected a text, its words, or a dict, got {type(row).__name__}")
        read = self._reader.read(row, number)
        if isinstance(read, Problem):
            return self._hinted(read, row)
        self._warn(read, row)
        return self._usable(read, number)

    def _usable(self, sample: Sample, number: int) -> Sample | Problem:
        clip = read_clip(sample, self.extracts)
        if clip.bad is not None:
            return _problem(number, sample.id, clip.bad.field, clip.bad.reason)
        for one in clip.problems:
            warnings.warn(f"{origin(ROWS, number)}, {one.field}: {one.reason}", stacklevel=5)
        sample = clip.sample
        if not set(self.modalities) & set(sample.modalities):
            has = " and ".join(sample.modalities) or "neither"
            return _problem(number, sample.id, "row", f"the model reads {' and '.join(self.modalities)}, the row has {has}")
        for name in MEDIA:
            media = getattr(sample, name)
            if media is not None and name in self.modalities:
                try:
                    content_key(media)  # a file that cannot be opened; whether it holds a picture shows when it is decoded
                except DataError as error:
                    return _problem(number, sample.id, name, str(error))
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
            lacks = [name for name in self.modalities if name not in sample.modalities]
            if key in FIELDS or str(key) in self._warned or not lacks:
                continue
            near = get_close_matches(str(key), MODALITIES, n=1, cutoff=0.7)
            meant = f"did you mean {near[0]!r}?" if near and near[0] in lacks else None
            if meant is None and _may_be_media(row[key]):
                meant = f"the row has no {' and no '.join(lacks)}"
            if meant is not None:
                self._warned.add(str(key))
                warnings.warn(f"rows: {key!r} is no field and is not read; {meant}", stacklevel=5)


def _may_be_media(value: object) -> bool:
    """Whether it names a recording, a film or frames, or is an array, as such or as lists of lists."""
    if isinstance(value, str | Path):
        return kind(str(value)) is not None or Path(value).suffix in {ARRAY, STORE}
    if isinstance(value, list | tuple):
        return bool(value) and isinstance(value[0], list | tuple)
    return isinstance(value, Frames) or type(value).__name__ in {"ndarray", "Tensor"}


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


def about(rows: object, aspects: Sequence[str] | str) -> Iterator[Row]:
    """Each row with the aspect that it is asked about; a single row with a single one.

    Raises:
        DataError: there are more or fewer aspects than rows, or a row has one of its own.
    """
    every = list(listed(rows))
    asked = [aspects] if isinstance(aspects, str) else list(aspects)
    if len(asked) != len(every):
        raise DataError(f"aspects: one for each row is expected, found {len(asked)} for {len(every)}")
    for number, (row, aspect) in enumerate(zip(every, asked, strict=True), start=1):
        own = row.get("aspect") if isinstance(row, Mapping) else row.aspect if isinstance(row, Sample) else None
        if own not in {None, ""}:
            raise DataError(f"{origin(ROWS, number)}, aspect: the row has {own!r} of its own, and {aspect!r} is asked about")
    return (_asking(row, aspect) for row, aspect in zip(every, asked, strict=True))


def _asking(row: Any, aspect: str) -> Row:
    """The row with its aspect; what cannot be a row stays what it is, and the reader says so."""
    if isinstance(row, Sample):
        return replace(row, aspect=(aspect or "").strip() or None)
    if isinstance(row, str) or given_words(row) is not None:
        return {**(row if isinstance(row, Mapping) else {"text": row}), "aspect": aspect}
    found: Row = {**row, "aspect": aspect} if isinstance(row, Mapping) else row
    return found


def is_single(rows: object) -> bool:
    """Whether it is one row and not several."""
    return isinstance(rows, Mapping | str | Sample | Problem)


def _problem(row: int | None, name: str | None, field: str, reason: str) -> Problem:
    return Problem(file=ROWS, row=row, id=name, field=field, reason=reason)
