"""Media that cannot be read, and sequences that no model reads together with the others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polysense.data.clip_file import NothingThereError, can_decode, check_file
from polysense.data.counts import plural
from polysense.data.features import Vector
from polysense.data.findings import bad, warning
from polysense.data.frames import Frames
from polysense.data.media import Picture, load_image
from polysense.data.table import Table
from polysense.errors import DataError, Problem
from polysense.types import Sample

if TYPE_CHECKING:
    from PIL.Image import Image

_WORKERS = 4  # decoding releases the interpreter's lock


def damaged_media(table: Table, progress: Callable[[int, int], None] | None) -> Iterator[Problem]:
    """Rows whose media cannot be decoded, or whose frames are not finite; ``progress(done, total)`` counts media."""
    rows: dict[tuple[str, Hashable], list[Sample]] = {}  # captions of one picture name one file, which is decoded once
    for sample in table.samples:
        for field in table.media:
            media = getattr(sample, field)
            if media is not None and (field == "image" or isinstance(media, Frames) or can_decode()):
                rows.setdefault((field, media if isinstance(media, Path) else id(media)), []).append(sample)
    with ThreadPoolExecutor(_WORKERS) as pool:
        faults = pool.map(_fault, [field for field, _ in rows], [getattr(same[0], field) for (field, _), same in rows.items()])
        for done, (((field, _), same), fault) in enumerate(zip(rows.items(), faults, strict=True), start=1):
            if fault is not None:
                reason, severity = fault
                yield from (replace(bad(sample, field, reason), severity=severity) for sample in same)
            if progress is not None:
                progress(done, len(rows))


def _fault(field: str, media: Path | Picture | Vector | Frames | Image) -> tuple[str, Literal["bad", "warning"]] | None:
    try:
        if isinstance(media, Frames) and field == "image":
            from polysense.data.regions import RegionLayout  # it takes torch along

            fault = RegionLayout().fault(media.read())
            return None if fault is None else (f"{media}, {fault}: models that read boxes refuse it", "warning")
        if isinstance(media, Vector | Frames):
            media.read()
        elif isinstance(media, Path) and field != "image":
            check_file(media, "audio" if field == "audio" else "video")
        else:
            load_image(media)
    except NothingThereError as error:
        return f"{error}: the clip counts as having none", "warning"
    except DataError as error:
        return str(error), "bad"
    return None


def unopened(table: Table) -> Iterator[Problem]:
    """Recordings and films that nobody could look into."""
    count = sum(
        isinstance(getattr(sample, field), Path) for sample in table.samples for field in {"audio", "video"} & set(table.media)
    )
    if count and not can_decode():
        some = "1 recording or film was" if count == 1 else f"{count} recordings and films were"
        yield warning(table, "row", f"{some} not opened: pip install 'polysense[media]'")


def odd_frames(table: Table) -> Iterator[Problem]:
    """Frames that no model reads together with those of the other rows: of another width, or made otherwise."""
    for field in table.media:
        there = [(sample, frames) for sample in table.samples if isinstance(frames := getattr(sample, field), Frames)]
        kinds = [(sample, frames, kind) for sample, frames in there if (kind := _kind(frames)) is not None]
        counts = Counter(kind for *_, kind in kinds)
        if len(counts) > 1:
            (usual, rows), *_ = counts.most_common()
            others = f"{'that' if rows == 1 else 'those'} of {rows} other {plural(rows)}"
            for sample, frames, (width, made) in kinds:
                if width != usual[0]:
                    has = "has" if rows == 1 else "have"
                    yield bad(sample, field, f"{frames} has {width} numbers a frame, {others} {has} {usual[0]}")
                elif made != usual[1]:
                    yield bad(sample, field, f"{frames} is made by {made}, {others} by {usual[1]}")


def _kind(frames: Frames) -> tuple[int, str] | None:
    """The width, and what made them; None of frames that cannot be opened, which is told already."""
    try:
        made = frames.provenance
        return frames.shape[1], "something that nobody noted" if made is None else json.dumps(made.identity, sort_keys=True)
    except DataError:
        return None
