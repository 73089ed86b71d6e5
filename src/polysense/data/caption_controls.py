"""What the recipe of a corpus of captions chooses about its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from polysense.data.controls import limit_captions, limit_pictures, random_pictures, shuffle_pictures
from polysense.data.decontaminate import evaluation_sentences, without
from polysense.data.splits import hold_out
from polysense.data.table import Table
from polysense.errors import RecipeError, choices
from polysense.types import Sample

Pairing = Literal["paired", "shuffled", "random"]
"""Whose picture a training row gets: its own, that of other captions, or one that shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionControls:
    """The arguments that corpora of captions share. They are checked at once; messages begin with the corpus's name ``of``."""

    of: str
    captions_per_image: int | None = None
    images: Pairing = "paired"
    shuffled_share: float = 1.0
    pairs: int | None = None
    exclude: Sequence[str] | None = None
    validation: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.images not in get_args(Pairing):
            raise RecipeError(f"{self.of}, images: {self.images!r} is not one; {choices(self.images, get_args(Pairing))}")
        if not 0 <= self.shuffled_share <= 1:
            raise RecipeError(f"{self.of}, shuffled_share: expected a number from 0 to 1, found {self.shuffled_share}")
        for name, count in (("captions_per_image", self.captions_per_image), ("pairs", self.pairs)):
            if count is not None and count < 1:
                raise RecipeError(f"{self.of}, {name}: expected a number from 1 up or null, found {count}")
        if self.validation < 0:
            raise RecipeError(f"{self.of}, validation: expected a number from 0 up, found {self.validation}")

    def applied(self, table: Table, *, near: Path) -> Table:
        """The table as chosen: without evaluation sentences (of sets in or beside the folder ``near``), some rows held out for
        validation, and the training rows that are left with fewer pictures, fewer captions of each, other pictures.
        """
        left_out = dict(table.left_out)
        if self.exclude:
            table, count = without(table, evaluation_sentences(near, self.exclude))
            left_out[f"training rows that stand in {', '.join(self.exclude)}"] = count
        held = hold_out(table.samples, count=self.validation, seed=self.seed) if self.validation else table.samples
        return replace(table, samples=tuple(self._controlled(held)), left_out=left_out)

    def _controlled(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        if self.pairs is not None:
            samples = limit_pictures(samples, count=self.pairs, seed=self.seed)
        if self.captions_per_image is not None:
            samples = limit_captions(samples, per_picture=self.captions_per_image, seed=self.seed)
        if self.images == "shuffled":
            return shuffle_pictures(samples, seed=self.seed, share=self.shuffled_share)
        return random_pictures(samples, seed=self.seed) if self.images == "random" else samples
