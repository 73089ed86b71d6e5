"""A table of clips in files becomes a folder of clips with features."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from polysense.data.clip_file import NothingThereError
from polysense.data.clip_folder import About, Sequences, write_clips
from polysense.data.corpora.clips import beyond
from polysense.data.frames import Frames
from polysense.data.media import file_digest
from polysense.data.new_folder import refuse_full
from polysense.data.repetitions import media_in_two_splits
from polysense.data.rows import place
from polysense.data.table import Table
from polysense.data.unmapped import unmapped_media, unmapped_scores
from polysense.errors import DataError, Problem, RecipeError
from polysense.inference.extraction.clips import Kept, Read, files_of, read_clip
from polysense.inference.extraction.columns import columns
from polysense.inference.extraction.extractor import Extractor, Medium
from polysense.inference.extraction.speech import Recogniser
from polysense.progress import Progress
from polysense.types import Sample

RECORDED = 50
"""Reasons that are kept with a folder: it does not grow with what is wrong."""


@dataclass(frozen=True)
class Extracted:
    """What came of a table."""

    rows: int
    """Written."""
    with_frames: Mapping[str, int]
    """Modality -> rows that have it."""
    problems: tuple[Problem, ...]
    """Bad rows, which are not among those written, and warnings."""
    transcribed: int = 0
    """Clips whose text was heard."""

    @property
    def bad(self) -> tuple[Problem, ...]:
        """The rows that are left out."""
        return tuple(one for one in self.problems if one.severity == "bad")


def extract_clips(
    table: Table,
    out: Path,
    extractors: Mapping[str, Extractor],
    *,
    recogniser: Recogniser | None = None,
    score_range: tuple[float, float] | None = None,
    skip_bad_rows: bool = False,
    progress: Progress | None = None,
) -> Extracted:
    """Write a folder of clips (see `data.clip_folder`) with frames of the recordings and films that the rows name.

    Clip by clip, so memory does not grow with their number. What is done is kept beside ``out`` until all is written: a second
    call, after an interruption or with files that were put right, goes on from there. If a row is bad nothing is written
    unless ``skip_bad_rows``; all rows are tried before it is said.

    Args:
        table: read without splits of its own (``split_seed=None``); rows that could not be read are among its problems.
        out: must be new or empty.
        extractors: by modality, ``audio`` and ``video``.
        recogniser: gives the text of rows that have none.
        score_range: of the scores, kept with the clips; a row beyond it is a bad row.
        skip_bad_rows: write the others.
        progress: gets (rows done, rows).

    Raises:
        RecipeError: ``out`` holds something, or there is nothing to extract.
        DataError: no row is left, or the folder cannot be written.
        PolysenseError: PyAV is not installed.
    """
    refuse_full(out)
    if not extractors and recogniser is None:
        raise RecipeError("neither sound nor film nor texts are asked for: there is nothing to extract")
    _refuse_features(table, extractors)
    work = workplace(out)
    kept = {name: Kept(extractor, work / name) for name, extractor in extractors.items()}
    far = [] if score_range is None else list(beyond(table.samples, *score_range))
    table = replace(table.without(far), problems=(*table.problems, *far))
    read = list(_read(table, kept, recogniser, work, progress))
    sound = [one.sample for one in read if one.bad is None]
    bad = {one.sample.id for one in read if one.bad is not None}
    usable = replace(table, samples=tuple(sample for sample in table.samples if sample.id not in bad))
    problems = [*table.problems, *(problem for one in read for problem in one.problems), *_left_behind(table)]
    problems += media_in_two_splits(usable)
    problems += [*(one for one in unmapped_media(usable) if one.field in extractors), *unmapped_scores(usable)]
    textless = {sample.id for sample in table.samples if not _has_text(sample)}
    done = Extracted(
        rows=len(sound),
        with_frames={name: sum(getattr(sample, name) is not None for sample in sound) for name in extractors},
        transcribed=sum(_has_text(sample) and sample.id in textless for sample in sound),
        problems=in_order(problems),
    )
    if done.bad and not skip_bad_rows:
        return replace(done, rows=0)
    if not sound:
        raise DataError(f"{table.name}: no row is left", problems=done.bad)
    source = {"table": table.name, **({} if recogniser is None else {"transcripts": recogniser.identity})}
    sequences = {
        name: Sequences([getattr(sample, name) for sample in sound], maker.extractor.provenance) for name, maker in kept.items()
    }
    about = About(name=table.name, score_range=score_range, source=source, left_out=_left_out(done.bad))
    write_clips(out, columns(sound), sequences, about)
    shutil.rmtree(work, ignore_errors=True)
    return done


def _read(
    table: Table, kept: Mapping[str, Kept], recogniser: Recogniser | None, work: Path, progress: Progress | None
) -> Iterator[Read]:
    for done, pictured in enumerate(table.samples, start=1):
        sample = replace(pictured, image=None)
        yield not_again(sample, *kept) or _heard(sample, read_clip(sample, kept), recogniser, work / "texts")
        if progress is not None:
            progress(done, len(table.samples))


def _refuse_features(table: Table, modalities: Iterable[str]) -> None:
    """Raise where all that could be extracted was extracted before."""
    names = list(modalities)
    media = [getattr(sample, name) for sample in table.samples for name in names]
    if any(isinstance(one, Frames) for one in media) and not any(files_of(sample, names) for sample in table.samples):
        raise DataError(
            f"{table.name} names features that were computed before, and no recording or film: there is nothing to extract"
        )


def not_again(sample: Sample, *modalities: str) -> Read | None:
    """A bad row, where one of the modalities is what was computed of a file and no file."""
    for name in modalities:
        medium = getattr(sample, name)
        if medium is not None and not isinstance(medium, Medium):
            return Read(
                sample, (_bad(sample, name, f"{medium} was computed of a file; nothing can be extracted from it again"),)
            )
    return None


def _heard(sample: Sample, read: Read, recogniser: Recogniser | None, folder: Path) -> Read:
    """With what is said in the clip as its text, where the row has none."""
    file = sample.video if sample.audio is None else sample.audio
    if recogniser is None or _has_text(sample) or read.bad is not None or not isinstance(file, Path):
        return read
    try:
        return replace(read, sample=replace(read.sample, text=_transcript(file, recogniser, folder)))
    except NothingThereError:  # said of the sound already, or it was not asked for
        return read
    except DataError as error:
        return replace(read, problems=(*read.problems, _bad(sample, "text", str(error))))


def _has_text(sample: Sample) -> bool:
    """An empty cell of a CSV file is an empty text."""
    return bool((sample.text or "").strip())


def _transcript(file: Path, recogniser: Recogniser, folder: Path) -> str:
    """Made, or found where an earlier call left it."""
    name = hashlib.sha256(f"{recogniser.identity} {file_digest(file)}".encode()).hexdigest()
    kept = folder / f"{name}.txt"
    if not kept.is_file():
        text = recogniser.transcribe(file)
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{name}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(kept)
    return kept.read_text(encoding="utf-8")


def workplace(out: Path) -> Path:
    """Where what is done is kept until ``out`` is written whole."""
    whole = out.resolve()
    return whole.parent / f".{whole.name}.extracting"


def _left_out(bad: Sequence[Problem]) -> dict[str, Any]:
    """For the record of a folder: how many rows, and why, of the first of them."""
    rows = len({(one.file, one.row) for one in bad})
    return {"rows": rows, "reasons": [str(one) for one in bad[:RECORDED]]} if rows else {}


def _left_behind(table: Table) -> Iterator[Problem]:
    """What a folder of clips has no place for."""
    if any(sample.image is not None for sample in table.samples):
        reason = "a folder of clips has no pictures: they are left out"
        yield Problem(file=table.name, row=None, id=None, field="image", reason=reason, severity="warning")


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Row by row; what no row is named for comes last."""
    return tuple(sorted(problems, key=lambda one: (one.row is None, one.row or 0)))


def _bad(sample: Sample, field: str, reason: str) -> Problem:
    file, row = place(sample)
    return Problem(file=file, row=row, id=sample.id, field=field, reason=reason)
