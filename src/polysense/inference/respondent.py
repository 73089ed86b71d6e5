"""What a learner answers of rows that nobody has looked at yet: those that cannot be used say why, the others are answered."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import islice
from typing import Any

from polysense.data.collate import Collate, Prepares
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import Problem
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.thresholded import by_threshold
from polysense.inference.asked_aspects import is_absent
from polysense.inference.given_words import given_words, in_given_words
from polysense.inference.media import watched
from polysense.inference.reader import Reader, Row
from polysense.inference.score_sides import with_sides
from polysense.inference.texts import Texts
from polysense.knowledge import Knowledge, find
from polysense.learner import Learner
from polysense.metrics.sentiment import Dataset
from polysense.progress import Progress
from polysense.types import Sample

ABSENT = "aspect_absent"
"""In an answer, true: the text does not hold the aspect that it was asked about."""

BLOCK = 1024
"""Rows read at a time: memory does not grow with the number of rows."""


class Respondent:
    """Answers rows in blocks.

    Args:
        learner: in evaluation mode; it answers something.
        reader: of the rows.
        batch_size: rows a forward pass.
        scale: of the scores that it answers, where they are of sentiment.
    """

    def __init__(self, learner: Learner, reader: Reader, *, batch_size: int, scale: Dataset | None = None) -> None:
        encoders: dict[str, Prepares] = {name: learner.model.encoder(name) for name in learner.model.encoders}
        text = encoders.get("text")
        self._reader = reader
        self._scale = scale
        media, self._faults = watched(encoders)
        self._texts = Texts(text) if isinstance(text, TransformerText) else None
        tolerant: dict[str, Prepares | None] = {**media, "text": self._texts}
        self._answerer = Answerer(
            learner,
            Collate({name: tolerant.get(name) or encoder for name, encoder in encoders.items()}),
            batch_size=batch_size,
        )

    def stream(
        self,
        rows: Iterable[Row],
        *,
        explain: Knowledge | None = None,
        vectors: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[dict[str, Any]]:
        """An answer a row, in order; see :meth:`polysense.Predictor.predict`. ``progress`` gets (rows done, rows done)."""
        iterator = iter(rows)
        done = cut = absent = 0
        while block := list(islice(iterator, BLOCK)):
            read = [self._reader.read(row, done + at) for at, row in enumerate(block, start=1)]
            samples = [replace(row, index=at) for at, row in enumerate(read) if isinstance(row, Sample)]
            answers, faults = self._ask(samples, vectors=vectors)
            shorter = [] if self._texts is None else self._texts.take_cut()
            cut += len(shorter)
            for told, row, asked in zip(self._told(read, answers, faults, set(shorter)), read, block, strict=True):
                absent += ABSENT in told
                given = given_words(asked)
                answer = told if given is None else in_given_words(told, given)
                yield answer if explain is None else _explained(row, answer, knowledge=explain)
            done += len(block)
            if progress is not None:
                progress(done, done)
        if self._texts is not None and cut:
            longest = self._texts.encoder.max_length
            warnings.warn(f"{cut} of {done} texts have more than {longest} tokens and were cut", stacklevel=2)
        if absent:
            warnings.warn(
                f"{absent} of {done} texts do not hold the aspect that they are asked about: that is usual for categories, "
                "but a term that is not there is answered all the same",
                stacklevel=2,
            )

    def _ask(self, samples: Sequence[Sample], *, vectors: bool) -> tuple[list[dict[str, Any]], dict[int, str]]:
        """The answers, and by ``index`` what is wrong with pictures, sound and film."""
        self._faults.clear()
        return self._answerer.predict(samples, vectors=vectors).rows(), dict(self._faults)

    def _lacks_second(self, row: Sample) -> str | None:
        """The column that is read behind the text, where a row with a text has nothing there."""
        encoder = None if self._texts is None else self._texts.encoder
        if encoder is None or encoder.beside is None or row.text is None or encoder.other(row) is not None:
            return None
        return encoder.beside

    def _told(
        self, read: Sequence[Sample | Problem], found: Sequence[dict[str, Any]], faults: Mapping[int, str], cut: Set[int]
    ) -> Iterator[dict[str, Any]]:
        """An answer or an error for each row."""
        answers = iter(found)
        for place, row in enumerate(read):
            answer = next(answers, {}) if isinstance(row, Sample) else {}
            if isinstance(row, Problem):
                yield {"id": row.id, "error": f"{row.field}: {row.reason}"}
            elif place in faults:
                yield {"id": row.id, "error": faults[place]}
            else:
                missing = [name for name in self._reader.modalities if name not in row.modalities]
                missing += [] if (second := self._lacks_second(row)) is None else [second]
                told = answer if self._scale is None else with_sides(answer, dataset=self._scale)
                notes = {"by_threshold": by_threshold(told), "cut": place in cut, ABSENT: is_absent(row)}
                yield {"id": row.id, **told, "missing": missing, **{name: True for name, holds in notes.items() if holds}}


def _explained(row: Sample | Problem, answer: dict[str, Any], *, knowledge: Knowledge) -> dict[str, Any]:
    """The answer, with what the knowledge has of the row's text; rows without a text have nothing of it."""
    if "error" in answer or not isinstance(row, Sample):
        return answer
    return {**answer, "knowledge": find(row.text or "", knowledge).as_dict()}
