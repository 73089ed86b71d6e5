"""Sentence pairs with a human score of how alike they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from polysense.data.rows import origin
from polysense.errors import DataError, display
from polysense.types import Sample


def scored_pair(
    place: tuple[Path, int],
    texts: tuple[str, str],
    score: str,
    *,
    scale: tuple[float, float],
    task: str,
    split: str,
    extra: Mapping[str, str] | None = None,
) -> Sample:
    """One pair as a sample: its words joined by single spaces, ``extra["task"]`` the benchmark that it belongs to.

    Args:
        place: the file and the line, from 1.
        texts: the two sentences.
        score: the cell with the score.
        scale: the lowest and the highest score there is.
        task: ``STS12``, ``STS-B dev``, ...
        split: the split of the row.
        extra: further columns.

    Raises:
        DataError: a sentence is empty, or the score is no number of the scale; the message names file and row.
    """
    path, number = place
    where = origin(display(path), number)
    first, second = (" ".join(text.split()) for text in texts)
    if not first or not second:
        raise DataError(f"{where}: the {'second' if first else 'first'} sentence is empty")
    return Sample(
        id=f"{task}/{path.stem}/{number}",
        text=first,
        pair=second,
        score=_score(score, where, scale),
        split=split,
        extra={"task": task, **(extra or {})},
        origin=where,
    )


def cells(line: str, place: tuple[Path, int], *, least: int) -> list[str]:
    """The tab-separated cells of a line; quotation marks are characters like any other.

    Raises:
        DataError: there are fewer than ``least``.
    """
    found = line.split("\t")
    if len(found) < least:
        path, number = place
        raise DataError(f"{origin(display(path), number)}: {least} tab-separated cells are expected, found {len(found)}")
    return found


def _score(cell: str, where: str, scale: tuple[float, float]) -> float:
    try:
        score = float(cell)
    except ValueError:
        score = math.nan
    if not scale[0] <= score <= scale[1]:  # NaN is refused too
        raise DataError(f"{where}: the score {cell.strip()!r} is not a number from {scale[0]:g} to {scale[1]:g}")
    return score
