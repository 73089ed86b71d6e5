"""A table of clips in files becomes a folder of clips with features."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from polysense.data.clip_file import NothingThereError
from polysense.data.clip_folder import About, Sequences, write_clips
from polysense.data.frames import Frames
from polysense.data.media import file_digest
from polysense.data.rows import place
from polysense.data.table import Table
from polysense.errors import DataError, Problem, RecipeError, display
from polysense.inference.extraction.clips import Kept, Read, read_clip
from polysense.inference.extraction.extractor import Extractor
from polysense.inference.extraction.speech import Recogniser
from polysense.progress import Progress
from polysense.types import Sample


@dataclass(frozen=True)
class Extracted:
    """What came of a table."""

    clips: int
    """Written."""
    with_frames: Mapping[str, int]
    """Modality -> clips that have it."""
    transcribed: int
    """Clips whose text was heard."""
    problems: tuple[Problem, ...]
    """Bad rows, which are not among the clips, and warnings."""

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
        score_range: of the scores, kept with the clips.
        skip_bad_rows: write the others.
        progress: gets (rows done, rows).

    Raises:
        RecipeError: ``out`` holds something, or there is nothing to extract.
        DataError: no row is left, or the folder cannot be written.
        PolysenseError: PyAV is not installed.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RecipeError(f"{display(out)} exists and is not an empty folder; nothing was written")
    if not extractors and recogniser is None:
        raise RecipeError("neither sound nor film nor texts are asked for: there is nothing to extract")
    work = out.resolve().parent / f".{out.name}.extracting"
    try:
        kept = {name: Kept(extractor, work / name) for name, extractor in extractors.items()}
        read = list(_read(table, kept, recogniser, work, progress))
        sound = [one.sample for one in read if one.bad is None]
        problems = [*table.problems, *(problem for one in read for problem in one.problems), *_left_behind(table)]
        textless = {sample.id for sample in table.samples if not _has_text(sample)}
        done = Extracted(
            clips=len(sound),
            with_frames={name: sum(getattr(sample, name) is not None for sample in sound) for name in extractors},
            transcribed=sum(_has_text(sample) and sample.id in textless for sample in sound),
            problems=tuple(sorted(problems, key=lambda one: (one.row is None, one.row or 0))),
        )
        if done.bad and not skip_bad_rows:
            return replace(done, clips=0)
        if not sound:
            raise DataError(f"{table.name}: no row is left", problems=done.bad)
        source = {"table": table.name, **({} if recogniser is None else {"transcripts": recogniser.identity})}
        sequences = {
            name: Sequences([getattr(sample, name) for sample in sound], maker.extractor.provenance)
            for name, maker in kept.items()
        }
        write_clips(out, _rows(sound), sequences, About(name=table.name, score_range=score_range, source=source))
        shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise DataError(f"{display(out)} cannot be written: {error.strerror or error}") from None
    return done


def _read(
    table: Table, kept: Mapping[str, Kept], recogniser: Recogniser | None, work: Path, progress: Progress | None
) -> Iterator[Read]:
    for done, sample in enumerate(table.samples, start=1):
        have = next((name for name in kept if isinstance(getattr(sample, name), Frames)), None)
        if have is not None:
            yield Read(sample, (_bad(sample, have, "is a sequence of frames, from which nothing can be extracted"),))
        else:
            yield _heard(sample, read_clip(sample, kept), recogniser, work / "texts")
        if progress is not None:
            progress(done, len(table.samples))


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


def _rows(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """The manifest's columns but those of sequences; a field that no row has is no column."""
    rows = [
        {
            **sample.extra,
            "id": sample.id,
            "text": sample.text,
            "label": list(sample.label) if isinstance(sample.label, tuple) else sample.label,
            "score": sample.score,
            **{f"score_{name}": sample.scores.get(name) for name in ("text", "audio", "video")},
            "split": sample.split,
            "group": sample.group,
        }
        for sample in samples
    ]
    there = {name for row in rows for name, value in row.items() if value is not None}
    return [{name: row.get(name) for name in dict.fromkeys((*rows[0], *row)) if name in there} for row in rows]


def _left_behind(table: Table) -> Iterator[Problem]:
    """What a folder of clips has no place for."""
    for name in ("image", "pair", "aspect", "spans"):
        if any(getattr(sample, name) is not None for sample in table.samples):
            reason = "a folder of clips has no such column: it is left out"
            yield Problem(file=table.name, row=None, id=None, field=name, reason=reason, severity="warning")


def _bad(sample: Sample, field: str, reason: str) -> Problem:
    file, row = place(sample)
    return Problem(file=file, row=row, id=sample.id, field=field, reason=reason)
