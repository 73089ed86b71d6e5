"""Text-image relations (Vempala, Preotiuc-Pietro, ACL 2019)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, get_args

from polysense.data.corpus import Corpus
from polysense.data.table import Table
from polysense.data.tweet_files import read_tweets, tweet_files, tweet_layout
from polysense.errors import DataError, RecipeError, choices

ALSO = "T{}"
"""How the authors' code calls a picture, of the tweet's id."""

Task = Literal["relation", "image_adds", "text_represented"]

RELATIONS: dict[str, tuple[str, str]] = {
    "adds, represented": ("adds", "represented"),
    "adds, not represented": ("adds", "not represented"),
    "adds nothing, represented": ("adds nothing", "represented"),
    "adds nothing, not represented": ("adds nothing", "not represented"),
}
"""Class -> what the picture does, and whether the text is shown in it; a label that is a number counts them from 0."""

HALVES = {"image_adds": ("adds nothing", "adds"), "text_represented": ("not represented", "represented")}


class Tir(Corpus):
    """TIR: tweets with a picture, by whether the picture adds to the text and whether it shows it.

    4,471 tweets in four classes. ``task: image_adds`` and ``task: text_represented`` are its two binary halves. The label is the
    name of a class, its number, or stands as 0 and 1 in the columns ``image_adds`` and ``text_is_represented`` of the original table.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = tweet_layout("tir", also=ALSO)
    known_by: ClassVar[tuple[tuple[str, ...], ...]] = tweet_files("tir")

    def __init__(self, task: Task = "relation") -> None:
        if task not in get_args(Task):
            raise RecipeError(f"Tir, task: {task!r} is not one; {choices(task, get_args(Task))}")
        self.task = task

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The tweets under ``root``."""
        return read_tweets(self, Path(root), "tir", media_root=media_root, also=ALSO, label=self._label)

    def _label(self, row: Mapping[str, object]) -> str | None:
        name = _relation(row)
        if name is None or self.task == "relation":
            return name
        return RELATIONS[name][0 if self.task == "image_adds" else 1]


def _relation(row: Mapping[str, object]) -> str | None:
    """The class of four; None for a tweet without one."""
    label, names = _cell(row, "label"), list(RELATIONS)
    if not label:
        return _joined(row)
    if label in RELATIONS:
        return label
    if label.isdecimal() and int(label) < len(names):
        return names[int(label)]
    raise DataError(f"{label!r} is none of 0 to 3, and no class; {choices(label, names)}")


def _joined(row: Mapping[str, object]) -> str | None:
    """From the two binary columns of the original table."""
    found = [_cell(row, name) for name in ("image_adds", "text_is_represented")]
    if "" in found:
        return None
    if not set(found) <= {"0", "1"}:
        raise DataError(f"image_adds and text_is_represented are 0 or 1, found {found[0]!r} and {found[1]!r}")
    pair = tuple(names[int(value)] for names, value in zip(HALVES.values(), found, strict=True))
    return next(name for name, halves in RELATIONS.items() if halves == pair)


def _cell(row: Mapping[str, object], column: str) -> str:
    """As text, empty where there is none; whole numbers that a missing neighbour turned into floats lose their ``.0`` again."""
    cell = row.get(column)
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
