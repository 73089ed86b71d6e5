"""Rows that nobody has looked at yet to vectors; a row that cannot be used ends it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polysense.errors import DataError, Problem
from polysense.inference.encoding.embedder import Embedder, Space
from polysense.inference.extraction.clips import read_clip
from polysense.inference.reader import Reader, Row
from polysense.progress import Progress
from polysense.types import Sample


class RowVectors:
    """Reads rows, and has their vectors made.

    Args:
        embedder: of the learner.
        reader: of the rows.
    """

    def __init__(self, embedder: Embedder, reader: Reader) -> None:
        self._embedder = embedder
        self._reader = reader

    def of_rows(
        self,
        rows: Sequence[Row],
        space: Space,
        *,
        expect: int | None = None,
        most_rows: int | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """(rows, width) float32; bare texts take the fast road where their vectors are of the text alone.

        Raises:
            DataError: a row cannot be used; the message names it.
            RecipeError: the model has no such part, or no shared space.
        """
        self._embedder.check(space)
        texts = [row for row in rows if isinstance(row, str)]
        if self._embedder.reads_texts_alone(space) and len(texts) == len(rows):
            return self._embedder.of_texts(texts, space, expect=expect, most_rows=most_rows, progress=progress)
        samples = [self.sample(row, number) for number, row in enumerate(rows, start=1)]
        return self._embedder.of_samples(samples, space, expect=expect, most_rows=most_rows, progress=progress)

    def of_pictures(
        self, samples: Sequence[Sample], *, shared: bool, progress: Progress | None = None
    ) -> tuple[np.ndarray, dict[int, str]]:
        """The vectors (samples, width) of the samples' pictures by themselves, and by place why some of them cannot be used.

        Raises:
            RecipeError: the model reads no pictures, or they do not stand in a shared space.
        """
        self._embedder.check(Space("image", shared))
        extracts = {name: one for name, one in self._reader.extracts.items() if name == "image"}
        read = [read_clip(sample, extracts) for sample in samples]
        vectors, faults = self._embedder.of_pictures([one.sample for one in read], shared=shared, progress=progress)
        bad = {place: f"{one.bad.field}: {one.bad.reason}" for place, one in enumerate(read) if one.bad is not None}
        vectors[list(bad)] = 0.0
        return vectors, dict(sorted((faults | bad).items()))

    def sample(self, row: Row, number: int) -> Sample:
        """The row ``number``, from 1, as the model reads it to embed it.

        Raises:
            DataError: it cannot be used; the message names it.
        """
        read = self._reader.read(row, number, to_embed=True)
        if isinstance(read, Problem):
            field = "" if read.field == "row" else f"{read.field}: "
            raise DataError(f"row {read.id}: {field}{read.reason}")
        return read


def cosines(left: np.ndarray, right: np.ndarray) -> float | np.ndarray:
    """Of vectors of length 1, (width,) or (rows, width): of two a number, of one and several (rows,), else (rows, rows)."""
    found = left @ right.T if left.ndim == right.ndim else (right @ left if left.ndim == 1 else left @ right)
    return float(found) if found.ndim == 0 else found.astype(np.float32)
