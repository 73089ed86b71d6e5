"""The files that a row names, read by extractors: a recording, a film and its sound, a picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from polysense.data.clip_file import NothingThereError
from polysense.data.corpora.clips import without_blank_text
from polysense.data.frames import Frames, HeldFrames, StoredFrames
from polysense.data.media import Picture, content_key
from polysense.data.rows import place
from polysense.errors import DataError, Problem
from polysense.inference.extraction.extractor import Extractor, Medium
from polysense.inference.extraction.making import remade
from polysense.types import Sample


class Extracts(Protocol):
    """Whoever makes frames of a file or picture."""

    def extract(self, medium: Medium) -> Frames:
        """The frames, with the record of how they were made; raises as `Extractor.extract`."""


class Held:
    """Frames in memory, by an extractor that is made when the first file is met.

    Args:
        made: how the frames that the model learned from were made.
    """

    def __init__(self, made: Mapping[str, object] | None) -> None:
        self._made = made
        self._extractor: Extractor | DataError | None = None

    def extract(self, medium: Medium) -> Frames:
        """Read, and kept nowhere."""
        if self._extractor is None:
            try:
                self._extractor = remade(self._made)
            except DataError as error:  # no file can be read: the reason is kept, networks are not loaded for each
                self._extractor = error
        if isinstance(self._extractor, DataError):
            raise DataError(str(self._extractor))
        return HeldFrames(self._extractor.extract(medium), self._extractor.provenance)


class Kept:
    """Frames in a folder, one file each; what is there from before is not made again.

    Args:
        extractor: of the frames.
        folder: is made when it is needed. Its files are named by the content of the medium and how the frames are made.
    """

    def __init__(self, extractor: Extractor, folder: Path) -> None:
        self.extractor = extractor
        self.folder = folder
        self._identity = json.dumps(extractor.provenance.identity, sort_keys=True)

    def extract(self, medium: Medium) -> StoredFrames:
        """Made or found."""
        name = hashlib.sha256(f"{self._identity} {content_key(medium)}".encode()).hexdigest()
        file = self.folder / f"{name}.npy"
        if not file.is_file():
            frames = self.extractor.extract(medium)
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = self.folder / f"{name}.partial"
            with partial.open("wb") as out:
                np.save(out, frames)
            partial.replace(file)
        return StoredFrames(file)


@dataclass(frozen=True)
class Read:
    """A clip with frames in the place of its files."""

    sample: Sample
    problems: tuple[Problem, ...]
    """Files that cannot be used are bad; what is not in a file is a warning, and the sample then lacks it."""

    @property
    def bad(self) -> Problem | None:
        """The first reason why the clip cannot be used."""
        return next((one for one in self.problems if one.severity == "bad"), None)


def files_of(sample: Sample, modalities: Iterable[str]) -> dict[str, tuple[str, Medium]]:
    """Modality -> the field that names its file, and the file: of sound, where the row names no recording, that of its film."""
    found: dict[str, tuple[str, Medium]] = {}
    for modality in modalities:
        field = "video" if modality == "audio" and sample.audio is None else modality
        medium = getattr(sample, field)
        if isinstance(medium, Path | Picture):
            found[modality] = field, medium
    return found


def read_clip(sample: Sample, extracts: Mapping[str, Extracts]) -> Read:
    """Frames of a row's files by modality: ``audio``, ``video``, ``image``; the sound of a film where the row names no recording.

    Frames that the row has already stay what they are; so does a modality that ``extracts`` does not name. A clip with an empty text
    has none. A film that cannot be used is told of once, although its pictures and its sound are asked for.

    Raises:
        PolysenseError: PyAV is not installed, or an encoder cannot be loaded.
    """
    problems: list[Problem] = []
    lacks: list[str] = []
    found: dict[str, Frames | None] = {}
    for modality, (field, medium) in files_of(sample, extracts).items():
        found[modality] = None
        try:
            found[modality] = extracts[modality].extract(medium)
        except NothingThereError as error:
            lacks.append(str(error))
            problems.append(_problem(sample, modality, f"{error}: the clip counts as having none", "warning"))
        except DataError as error:
            if not any(one.severity == "bad" and one.field == field for one in problems):
                problems.append(_problem(sample, field, str(error), "bad"))
    read = replace(sample, **found)  # type: ignore[arg-type]  # the names of media
    read = without_blank_text(read) if extracts.keys() & {"audio", "video"} else read
    sequences = any(isinstance(getattr(read, name), Frames) for name in ("image", "audio", "video"))
    usable = sequences or read.image is not None or bool((read.text or "").strip())
    if found and not usable and not any(one.severity == "bad" for one in problems):
        problems.append(_problem(sample, "row", f"nothing usable: no text, and {'; '.join(lacks)}", "bad"))
    return Read(read, tuple(problems))


def _problem(sample: Sample, field: str, reason: str, severity: str) -> Problem:
    file, row = place(sample)
    return Problem(file=file, row=row, id=sample.id, field=field, reason=reason, severity=severity)  # type: ignore[arg-type]  # one of two
