"""Another text for a caption, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["positive", "sentence", "phrase", "word"]
LEVELS: tuple[Level, ...] = get_args(Level)

NEGATIVE_LEVELS: tuple[Level, ...] = LEVELS[1:]
"""Those that say something else than the caption."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A text that says the same as a caption (``positive``), or another thing: that of another picture (``sentence``), or with one
    noun phrase (``phrase``) or one noun, attribute or relation (``word``) exchanged.
    """

    text: str
    level: Level
    replaced: str = ""
    """The words of the caption that were taken out; empty where the whole was."""
    by: str = ""
    """The words that were put in their place; of a ``sentence`` the picture that it was written of, of a ``positive`` what made it:
    ``caption`` for another caption of the same picture, else the translator's name."""
