"""What stands of vectors whose file is not whole yet: the folder beside it, and the note of what they are made from.

The note is written after its vectors are on the disk, so that it never promises too much.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from polysense.errors import DataError, RecipeError, display
from polysense.inference.vector_origin import read_origin
from polysense.training.checkpoints import write_whole

NOTE = "progress.json"


def partial(out: Path) -> Path:
    """The folder of what is done, beside the file."""
    return out.with_name(f".{out.name}.partial")


@dataclass(frozen=True)
class Begun:
    """What is on the disk.

    Args:
        made_from: what decided the vectors, by name.
        rows: how many are there.
    """

    made_from: Mapping[str, str]
    rows: int

    @classmethod
    def of(cls, out: Path) -> Begun | None:
        """As the note beside ``out`` says; None where there is none, or it is damaged."""
        try:
            note = json.loads((partial(out) / NOTE).read_text(encoding="utf-8"))
            return cls(dict(note["made_from"]), int(note["done"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, out: Path) -> None:
        """Note it."""
        write_whole(partial(out) / NOTE, json.dumps({"made_from": dict(self.made_from), "done": self.rows}))


def complete(made_from: Mapping[str, str], *, rows: int, width: int) -> dict[str, str]:
    """With the numbers of rows and columns among what decides the vectors."""
    return {**made_from, "rows": str(rows), "width": str(width)}


def changed_settings(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """``other rows and another model``: what decides vectors and is not as it was; empty where all is."""
    changes = [(name, before.get(name), value) for name, value in now.items()]
    return " and ".join(_said(name, old, new) for name, old, new in changes if old != new)


def is_begun(out: Path) -> bool:
    """Whether a writer was interrupted before its file was whole."""
    return (partial(out) / NOTE).is_file()


def refuse_begun(out: Path, *, rows: int, width: int, made_from: Mapping[str, str]) -> None:
    """Raise where a writer was interrupted: what it has done is not thrown away unasked.

    Raises:
        RecipeError: says how many rows are there, and the way out.
    """
    if (begun := Begun.of(out)) is None:
        return
    said = f"{display(out)} was begun before, and {begun.rows:,} of its rows are there"
    if changed := changed_settings(begun.made_from, complete(made_from, rows=rows, width=width)):
        raise RecipeError(f"{said}, but with {changed}: begin anew with --overwrite")
    raise RecipeError(f"{said}: go on with --resume, or begin anew with --overwrite")


def noted_engine(out: Path) -> str | None:
    """What computed the vectors that are there, begun or whole (``torch, float32``); None where nobody noted it, or the
    note is damaged.
    """
    if (begun := Begun.of(out)) is not None:
        return begun.made_from.get("engine")
    try:
        origin = read_origin(out) if out.is_file() else None
    except DataError:  # damaged: who needs it whole says so
        return None
    return None if origin is None else origin.engine


def _said(name: str, before: str | None, now: str) -> str:
    """A setting that is no longer as it was; its values too, where they are words and not digests."""
    match name:
        case "input":
            return "other rows"
        case "model":
            return "another model"
        case "rows":
            return "another number of rows"
        case "engine":
            return f"another engine or precision ({before}, now {now})"
        case "read as":
            return "another way to read the rows (--columns, --encoding, --media-root)"
        case _:
            return f"another --{name} ({before}, now {now})"
