"""Clips: texts with sound and film as sequences of frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from polysense.data.clip_folder import ABOUT, MANIFEST, About
from polysense.data.corpus import Corpus, GivenRows, expect, refuse_for_rows
from polysense.data.rows import place
from polysense.data.table import Table, read_table, with_splits
from polysense.errors import Problem, RecipeError, display
from polysense.types import Sample


class Clips(Corpus):
    """Clips with a score: their texts, and sound and film as sequences of frames that were computed before.

    A folder as `polysense data convert` writes it from MMSA's files of MOSI, MOSEI, SIMS or SIMSv2; or your own table, whose
    cells ``audio`` and ``video`` name sequences: ``take1.npy``, or ``audio.safetensors#12``. A clip whose text is empty has none.

    Args:
        columns: our field -> the table's own column.
        lower: texts in lower case, for transcripts that are written in capitals.
        score_range: the smallest and the largest score there may be; a row beyond them is a bad row. A converted folder knows them.
        seed: of the splits, where the table has none: 80, 10 and 10 percent; clips of one ``group`` stay in one split.
        encoding: of your own table.
    """

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "audio", "video")
    layout: ClassVar[tuple[str, ...]] = (MANIFEST,)
    own_files: ClassVar[bool] = True

    def __init__(
        self,
        columns: dict[str, str] | None = None,
        lower: bool = False,
        score_range: list[float] | None = None,
        seed: int = 0,
        encoding: str = "utf-8",
    ) -> None:
        if score_range is not None and (len(score_range) != 2 or not score_range[0] < score_range[1]):
            raise RecipeError(f"Clips, score_range: expected the smallest and the largest score, found {score_range}")
        self.columns = columns
        self.lower = lower
        self.score_range = None if score_range is None else (score_range[0], score_range[1])
        self.seed = seed
        self.encoding = encoding

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The clips of the table ``root``, of the folder's manifest, or of the only table in the folder."""
        path = expect(self, Path(root))
        path = path / MANIFEST if (path / MANIFEST).is_file() else path
        table = read_table(
            path,
            columns=self.columns,
            media_root=media_root,
            encoding=self.encoding,
            split_seed=self.seed,
            reads=self.reads,
        )
        about = About.read(path.parent)
        problems = [] if about is not None or path.name != MANIFEST else [_undescribed(path)]
        table = self._within(table, self.score_range or (None if about is None else about.score_range))
        name = table.name if about is None else about.name
        return replace(table, name=name, problems=(*table.problems, *problems))

    def adopted(self, rows: GivenRows) -> Table:
        """Rows given in Python, with the same columns, splits and range of scores as a table has."""
        refuse_for_rows(self, "encoding")
        return self._within(with_splits(rows(columns=self.columns), seed=self.seed), self.score_range)

    def _within(self, table: Table, limits: tuple[float, float] | None) -> Table:
        """The clips as they are shown, those with a score beyond the ``limits`` as bad rows."""
        far = [] if limits is None else list(beyond(table.samples, *limits))
        table = replace(table.without(far), problems=(*table.problems, *far))
        shown = tuple(self._shown(sample) for sample in table.samples)
        return replace(table, samples=shown, corpus="Clips", score_range=limits)

    def _shown(self, sample: Sample) -> Sample:
        sample = without_blank_text(sample)
        return replace(sample, text=sample.text.lower()) if self.lower and sample.text is not None else sample


def _undescribed(manifest: Path) -> Problem:
    reason = f"{ABOUT} is not there: the name of the set and the range of its scores are not known"
    return Problem(file=display(manifest), row=None, id=None, field=ABOUT, reason=reason, severity="warning")


def without_blank_text(sample: Sample) -> Sample:
    """Of a clip with sound or film and an empty text: without it, for nobody noted what is said, or nothing is."""
    blank = sample.text is not None and not sample.text.strip()
    return replace(sample, text=None) if blank and (sample.audio is not None or sample.video is not None) else sample


def beyond(samples: Iterable[Sample], least: float, most: float) -> Iterator[Problem]:
    """A bad row for each score that is not between ``least`` and ``most``."""
    for sample in samples:
        scores = {"score": sample.score, **{f"score_{name}": score for name, score in sample.scores.items()}}
        for field, score in scores.items():
            if score is not None and not least <= score <= most:
                file, row = place(sample)
                reason = f"{score:g} is not between {least:g} and {most:g}"
                yield Problem(file=file, row=row, id=sample.id, field=field, reason=reason)
