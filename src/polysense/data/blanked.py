"""Rows of which a picture, recording or film cannot be used, kept without it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from polysense.data.counts import plural
from polysense.data.damaged import damaged_media
from polysense.data.findings import bad, warning
from polysense.data.rows import MEDIA, origin
from polysense.data.table import Table
from polysense.errors import Problem
from polysense.types import Sample


def blanked(read: Callable[[Collection[str]], Table], reads: Collection[str]) -> Table:
    """The table whose rows are without the media that are not there or damaged, as if nobody had named them; warnings count them.

    A row that has nothing else is bad. All media are decoded.

    Args:
        read: the table, without splits of our making, where somebody reads these modalities.
        reads: the modalities that somebody reads.
    """
    lost = [one for one in read(reads).bad if one.field in MEDIA]
    table = read(()).read_by(reads)
    damaged = [one for one in damaged_media(table, None) if one.severity == "bad"]
    fields: dict[str, dict[str, Any]] = {}
    for one in damaged:
        assert one.row is not None
        fields.setdefault(origin(one.file, one.row), {})[one.field] = None
    samples = tuple(replace(sample, **fields.get(sample.origin, {})) for sample in table.samples)
    empty = [
        bad(sample, "row", "nothing usable") for sample in samples if not (sample.text or "").strip() and not _media(sample)
    ]
    kept = replace(table, samples=samples, problems=(*table.problems, *empty)).without(empty)
    return replace(kept, problems=(*kept.problems, *_counted(kept, [*lost, *damaged])))


def _media(sample: Sample) -> bool:
    return any(getattr(sample, name) is not None for name in MEDIA)


def _counted(table: Table, faults: Sequence[Problem]) -> Iterator[Problem]:
    """A warning for each medium of which some cannot be used, with the first of them."""
    there = {sample.origin for sample in table.samples}
    for field in MEDIA:
        found = [one for one in faults if one.field == field and one.row is not None and origin(one.file, one.row) in there]
        if found:
            first = min(found, key=lambda one: one.row or 0)
            used = f"{len(found)} {plural(len(found))} {'is' if len(found) == 1 else 'are'} used without it"
            yield warning(table, field, f"{used}; the first is row {first.row}: {first.reason}")
