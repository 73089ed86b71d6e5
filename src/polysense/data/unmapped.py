"""Columns that hold what no row has: they were not named as our fields."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from polysense.data.clip_file import FILMS, SOUNDS
from polysense.data.counts import is_labelled
from polysense.data.findings import warning
from polysense.data.table import Table
from polysense.errors import Problem, choices

PHOTOGRAPHS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""How the names of picture files end."""

_SENTENCE = 3  # words, at least, of what looks like a text

_ENDINGS: dict[str, tuple[str, str, Collection[str]]] = {
    "image": ("picture", "pictures", PHOTOGRAPHS),
    "audio": ("recording", "recordings", SOUNDS),
    "video": ("film", "films", FILMS),
}
"""Field -> what one of its media is called, several of them, and how the names of their files end."""


def unmapped_media(table: Table) -> Iterator[Problem]:
    """A column that holds names of pictures, recordings or films, where no row has any: it was not named as ``image``, ..."""
    columns = _other_columns(table)
    for field, (one, plural, endings) in _ENDINGS.items():
        if any(getattr(sample, field) is not None for sample in table.samples):
            continue
        for column in columns:
            named = sum(Path(sample.extra.get(column, "")).suffix.lower() in endings for sample in table.samples)
            if 2 * named > len(table.samples):
                reason = f"no row has a {one}, and {column!r} holds names of {plural}: --columns {field}={column}"
                yield warning(table, field, reason)


def unmapped_text(table: Table) -> Iterator[Problem]:
    """That a labelled table has no texts, or a column of sentences that was not named as ``text``."""
    if any(sample.text is not None for sample in table.samples) or "text" in table.columns:
        return
    there = [
        column for column in _other_columns(table) if _are_sentences(sample.extra.get(column, "") for sample in table.samples)
    ]
    for column in there:
        yield warning(table, "text", f"no row has a text, and {column!r} holds texts: --columns text={column}")
    if not there and any(map(is_labelled, table.samples)):
        yield warning(table, "text", "no row has a text: recipes that read texts are refused")


def unmapped_scores(table: Table) -> Iterator[Problem]:
    """Columns that hold numbers, where no row has a score or a label: one of them may be the scores under another name."""
    if any(sample.score is not None or sample.label is not None for sample in table.samples):
        return
    numbers = [
        column
        for column in _other_columns(table)
        if 2 * sum(_is_number(sample.extra.get(column, "")) for sample in table.samples) > len(table.samples)
    ]
    if numbers:
        reason = f"no row has a score; name the column that holds it, --columns score=COLUMN; {choices('score', numbers)}"
        yield warning(table, "score", reason)


def _other_columns(table: Table) -> list[str]:
    """Those that are none of our fields."""
    return list(dict.fromkeys(name for sample in table.samples for name in sample.extra))


def _are_sentences(cells: Iterable[str]) -> bool:
    long = [len(cell.split()) >= _SENTENCE for cell in cells]
    return 2 * sum(long) > len(long)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
