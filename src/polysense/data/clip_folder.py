"""A folder of clips whose sound and film are sequences of frames: how it is written, and what stands in it beside the rows.

``manifest.parquet`` has a row a clip (``id, text, audio, video, score, score_text, score_audio, score_video, split, group`` and
further columns), ``audio.safetensors`` and ``video.safetensors`` the sequences with what made them (see `data.frames`), and
``clips.json`` what the set is (:class:`About`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polysense.data.frames import Frames, Provenance, write_frames
from polysense.data.json_file import read_object
from polysense.data.new_folder import new_folder
from polysense.errors import DataError, display

if TYPE_CHECKING:
    import numpy as np

MANIFEST = "manifest.parquet"
ABOUT = "clips.json"


@dataclass(frozen=True, kw_only=True)
class About:
    """What a set of clips is."""

    name: str
    """Of the set, for messages and reports."""
    score_range: tuple[float, float] | None = None
    """The smallest and the largest score there may be; None where nobody said."""
    source: Mapping[str, str] = field(default_factory=dict)
    """What it was converted from: ``file``, ``sha256``, ``release``."""
    changes: Mapping[str, int] = field(default_factory=dict)
    """What was put right when it was made, and how often."""
    left_out: Mapping[str, Any] = field(default_factory=dict)
    """Of bad rows that were left out: ``rows``, how many, and ``reasons``, of the first of them; empty where there were none."""

    @classmethod
    def read(cls, folder: Path) -> About | None:
        """Of a folder; None where it has no such file.

        Raises:
            DataError: the file is damaged.
        """
        file = folder / ABOUT
        if not (found := read_object(file)):
            return None
        try:
            limits = found.get("score_range")
            return cls(
                name=str(found["name"]),
                score_range=None if limits is None else (float(limits[0]), float(limits[1])),
                source=dict(found.get("source") or {}),
                changes=dict(found.get("changes") or {}),
                left_out=dict(found.get("left_out") or {}),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DataError(f"{display(file)} is damaged: {type(error).__name__}: {error}") from None


@dataclass(frozen=True)
class Sequences:
    """The sound or the film of all clips."""

    clips: Sequence[np.ndarray | Frames | None]
    """One a row, (time, width) each; None where the row has none. Frames are read when they are written, one clip at a time."""
    made_by: Provenance


def write_clips(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    sequences: Mapping[str, Sequences],
    about: About,
    *,
    also: Mapping[str, bytes] | None = None,
) -> None:
    """Write a folder of clips, whole or not at all.

    Args:
        folder: must be new or empty.
        rows: the manifest's columns but ``audio`` and ``video``.
        sequences: by modality.
        about: what the set is.
        also: further files by name.

    Raises:
        RecipeError: the folder holds something.
        DataError: sequences have no frames or differ in width, or the folder cannot be written.
    """
    import polars

    with new_folder(folder) as partial:
        references = {name: _written(partial, name, part) for name, part in sequences.items()}
        table = [{**row, **{name: column[place] for name, column in references.items()}} for place, row in enumerate(rows)]
        polars.DataFrame(table, infer_schema_length=None).write_parquet(partial / MANIFEST)
        (partial / ABOUT).write_text(json.dumps(asdict(about), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for name, content in (also or {}).items():
            (partial / name).write_bytes(content)


def _written(folder: Path, name: str, part: Sequences) -> list[str | None]:
    """Write the sequences that there are; the manifest's column."""
    there = [clip for clip in part.clips if clip is not None]
    if not there:
        return [None] * len(part.clips)
    write_frames(folder / f"{name}.safetensors", there, part.made_by)
    numbers = iter(range(len(there)))
    return [None if clip is None else f"{name}.safetensors#{next(numbers)}" for clip in part.clips]
