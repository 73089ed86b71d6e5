"""A table of posts with pictures becomes one with the regions of its pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from polysense.data.frames import Frames, write_frames
from polysense.data.new_folder import new_folder, refuse_full
from polysense.data.region_import import STORE, TABLE
from polysense.data.table import Table
from polysense.errors import DataError
from polysense.inference.extraction.clips import Kept, Read, read_clip
from polysense.inference.extraction.columns import columns
from polysense.inference.extraction.regions import Regions
from polysense.inference.extraction.table import Extracted, in_order, not_again, workplace
from polysense.progress import Progress
from polysense.types import Sample


def extract_regions(
    table: Table, out: Path, detector: Regions, *, skip_bad_rows: bool = False, progress: Progress | None = None
) -> Extracted:
    """Write a folder with ``posts.jsonl``, the rows of the table, and ``regions.safetensors``, which they name as their pictures.

    Picture by picture; what is done is kept beside ``out`` until all is written, as `extract_clips` does. Rows without a picture
    stay rows without one; recordings and films are left out. Splits that were drawn are not written: whoever reads the rows
    draws them.

    Raises:
        RecipeError: ``out`` holds something.
        DataError: no row has a picture that can be used, or the folder cannot be written.
    """
    refuse_full(out)
    work = workplace(out)
    kept = Kept(detector, work / "image")
    read = list(_read(table, kept, progress))
    sound = [one.sample for one in read if one.bad is None]
    pictured = [sample.image for sample in sound if isinstance(sample.image, Frames)]
    done = Extracted(
        rows=len(sound),
        with_frames={"image": len(pictured)},
        problems=in_order([*table.problems, *(problem for one in read for problem in one.problems)]),
    )
    if done.bad and not skip_bad_rows:
        return replace(done, rows=0)
    if not pictured:
        raise DataError(f"{table.name}: no row has a picture that can be used", problems=done.bad)
    with new_folder(out) as folder:
        write_frames(folder / STORE, pictured, detector.provenance)
        (folder / TABLE).write_text("".join(f"{line}\n" for line in _lines(sound)), encoding="utf-8")
    shutil.rmtree(work, ignore_errors=True)
    return done


def _read(table: Table, kept: Kept, progress: Progress | None) -> Iterator[Read]:
    for done, sample in enumerate(table.samples, start=1):
        alone = replace(sample, audio=None, video=None, split=None if table.split_made else sample.split)
        yield not_again(alone, "image") or read_clip(alone, {"image": kept})
        if progress is not None:
            progress(done, len(table.samples))


def _lines(samples: list[Sample]) -> Iterator[str]:
    number = 0
    for sample, row in zip(samples, columns(samples), strict=True):
        if sample.image is not None:
            row["image"] = f"{STORE}#{number}"
            number += 1
        yield json.dumps(row, ensure_ascii=False)
