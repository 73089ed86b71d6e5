"""Texts that a learner writes of rows that nobody has looked at yet: those that cannot be used say why, the others are written of."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from polysense.data.collate import Collate, Prepares
from polysense.decoding.settings import Decoding
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import PolysenseError, Problem
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.written import shown_source, writes
from polysense.inference.extraction.clips import Extracts
from polysense.inference.media import watched
from polysense.inference.reader import Reader, Row
from polysense.inference.texts import Texts
from polysense.learner import Learner
from polysense.objectives.generation import Generation
from polysense.progress import Progress
from polysense.types import Sample

FEW = 3
"""Rows that a warning names."""

BLOCK = 1024
"""Rows read at a time: memory does not grow with the number of rows."""


class Author:
    """Writes of rows in blocks.

    Args:
        learner: in evaluation mode.
        batch_size: rows at a time.
        extracts: who makes frames of files, by modality, of a model that reads frames.
    """

    def __init__(self, learner: Learner, *, batch_size: int, extracts: Mapping[str, Extracts] | None = None) -> None:
        self._learner = learner
        encoders: dict[str, Prepares] = {name: learner.model.encoder(name) for name in learner.model.encoders}
        self._reader = Reader(tuple(encoders), extracts=extracts)
        text = encoders.get("text")
        media, self._faults = watched(encoders)
        self._texts = Texts(text) if isinstance(text, TransformerText) else None
        tolerant: dict[str, Prepares | None] = {**media, "text": self._texts}
        collate = Collate({name: tolerant.get(name) or encoder for name, encoder in encoders.items()})
        self._answerer = Answerer(learner, collate, batch_size=batch_size)

    def objective(self, *, captions: bool, source: str) -> Generation:
        """What writes captions of pictures, or texts from whatever it was trained on.

        Raises:
            PolysenseError: nothing does; ``source`` names the model.
        """
        found = writes(self._learner, "text") if captions else writes(self._learner, "pair") or writes(self._learner, "text")
        if found is not None:
            return found
        what = "captions: it was trained without a Generation of target: text, as unimo/caption has"
        texts = "texts: it was trained without a Generation of target: text or pair, as unimo/caption and unimo/summarize have"
        raise PolysenseError(f"{source or 'this model'} writes no {what if captions else texts}")

    def stream(
        self, rows: Iterable[Row], objective: Generation, how: Decoding, *, progress: Progress | None = None
    ) -> Iterator[dict[str, Any]]:
        """``id`` and ``written``, or ``error``, of each row, in order; ``progress`` gets (rows done, rows done)."""
        iterator = iter(rows)
        done = cut = 0
        empty: list[str] = []
        while block := list(islice(iterator, BLOCK)):
            read = [self._source(row, done + at, objective) for at, row in enumerate(block, start=1)]
            asked = [replace(row, index=at) for at, row in enumerate(read) if isinstance(row, Sample)]
            self._faults.clear()
            texts = iter(self._answerer.write(asked, objective, how))
            cut += 0 if self._texts is None else len(self._texts.take_cut())
            faults = dict(self._faults)
            for place, row in enumerate(read):
                if isinstance(row, Problem):
                    yield {"id": row.id, "error": f"{row.field}: {row.reason}"}
                    continue
                text = next(texts)
                empty += [row.id] if not text.strip() and place not in faults else []
                yield {"id": row.id, "error": faults[place]} if place in faults else {"id": row.id, "written": text}
            done += len(block)
            if progress is not None:
                progress(done, done)
        if self._texts is not None and cut:
            longest = self._texts.encoder.max_length
            warnings.warn(f"{cut} of {done} texts have more than {longest} tokens and were cut", stacklevel=2)
        if empty:
            first = ", ".join(empty[:FEW]) + (", ..." if len(empty) > FEW else "")
            warnings.warn(
                f"nothing is written of {len(empty)} of {done} rows ({first}): the model ends at once; min_length asks for more",
                stacklevel=2,
            )

    def _source(self, row: Row, number: int, objective: Generation) -> Sample | Problem:
        """The row as it is shown, or what it lacks."""
        read = self._reader.read(row, number)
        if isinstance(read, Problem):
            return read
        shown = shown_source(read, objective)
        if objective.target == "pair":
            return shown if shown.text is not None else _lacking(shown, number, "text", "the model writes from texts")
        if shown.text is not None or shown.image is not None:
            return shown
        return _lacking(shown, number, "image", "the model writes of pictures")


def _lacking(sample: Sample, number: int, field: str, does: str) -> Problem:
    return Problem(file="rows", row=number, id=sample.id, field=field, reason=f"{does}, the row has none")


def named(answers: Iterable[dict[str, Any]], pictures: Sequence[Any]) -> list[dict[str, Any]]:
    """Captions beside the pictures that they are of, in place of numbers."""
    return [
        {"image": picture, **{"caption" if key == "written" else key: value for key, value in answer.items() if key != "id"}}
        for picture, answer in zip(pictures, answers, strict=True)
    ]
