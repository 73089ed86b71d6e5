"""Text-image relations (Vempala, Preotiuc-Pietro, ACL 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, get_args

from polysense.data.corpus import Corpus
from polysense.data.table import Table
from polysense.data.tweet_files import read_tweets, tweet_layout
from polysense.errors import DataError, RecipeError, choices
from polysense.types import Sample

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
    layout: ClassVar[tuple[str, ...]] = tweet_layout("tir")

    def __init__(self, task: Task = "relation") -> None:
        if task not in get_args(Task):
            raise RecipeError(f"Tir, task: {task!r} is not one; {choices(task, get_args(Task))}")
        self.task = task

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The tweets under ``root``."""
        table = read_tweets(self, Path(root), "tir", media_root=media_root)
        return replace(table, samples=tuple(replace(one, label=self._label(one)) for one in table.samples))

    def _label(self, sample: Sample) -> str | None:
        name = _relation(sample)
        if name is None or self.task == "relation":
            return name
        return RELATIONS[name][0 if self.task == "image_adds" else 1]


def _relation(sample: Sample) -> str | None:
    """The class of four; None for a tweet without one."""
    if sample.label is None:
        return _joined(sample.extra, sample.origin)
    label, names = str(sample.label), list(RELATIONS)
    if label in RELATIONS:
        return label
    if label.isdecimal() and int(label) < len(names):
        return names[int(label)]
    raise DataError(f"{sample.origin}, label: {label!r} is none of 0 to 3, and no class; {choices(label, names)}")


def _joined(columns: Mapping[str, str], where: str) -> str | None:
    """From the two binary columns of the original table."""
    found = [columns.get(name) for name in ("image_adds", "text_is_represented")]
    if None in found:
        return None
    if not set(found) <= {"0", "1"}:
        raise DataError(f"{where}: image_adds and text_is_represented are 0 or 1, found {found[0]!r} and {found[1]!r}")
    pair = tuple(names[int(str(value))] for names, value in zip(HALVES.values(), found, strict=True))
    return next(name for name, halves in RELATIONS.items() if halves == pair)
