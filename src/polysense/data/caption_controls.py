"""What the recipe of a corpus of captions chooses about its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from polysense.data.bad_rows import held_out
from polysense.data.companions import Companions
from polysense.data.controls import drawn_captions, limit_captions, limit_pictures, random_pictures, shuffle_pictures
from polysense.data.decontaminate import evaluation_sentences, without
from polysense.data.draws import Part, every
from polysense.data.table import Table
from polysense.errors import RecipeError, choices
from polysense.seeds import seed_from
from polysense.types import Sample

Pairing = Literal["paired", "shuffled", "random"]
"""Whose picture a training row gets: its own, that of other captions, or one that shows nothing."""

Resample = Literal["never", "every_epoch"]
"""When the captions of a picture are drawn: once for the run, or for every epoch."""


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
    resample: Resample = "never"
    seed: int | None = None
    companions: Companions | None = None

    def __post_init__(self) -> None:
        if self.images not in get_args(Pairing):
            raise RecipeError(f"{self.of}, images: {self.images!r} is not one; {choices(self.images, get_args(Pairing))}")
        if not 0 <= self.shuffled_share <= 1:
            raise RecipeError(f"{self.of}, shuffled_share: expected a number from 0 to 1, found {self.shuffled_share}")
        if self.shuffled_share != 1 and self.images != "shuffled":
            raise RecipeError(
                f"{self.of}, shuffled_share: {self.shuffled_share:g} of the pictures are to change places, "
                f"which takes images: shuffled; found images: {self.images}"
            )
        for name, count in (("captions_per_image", self.captions_per_image), ("pairs", self.pairs)):
            if count is not None and count < 1:
                raise RecipeError(f"{self.of}, {name}: expected a number from 1 up or null, found {count}")
        if self.resample not in get_args(Resample):
            raise RecipeError(
                f"{self.of}, resample: {self.resample!r} is not one; {choices(self.resample, get_args(Resample))}"
            )
        if self.resample == "every_epoch" and self.captions_per_image is None:
            raise RecipeError(f"{self.of}, resample: every_epoch draws captions anew: say how many with captions_per_image")
        if self.validation < 0:
            raise RecipeError(f"{self.of}, validation: expected a number from 0 up, found {self.validation}")

    def candidates(self, table: Table, *, near: Path) -> Table:
        """The table without evaluation sentences (of sets in or beside the folder ``near``), some rows held out for validation.

        No companion that is drawn is such a sentence either; how many texts of their tables are is counted. All training rows are
        there; which of them a run shows is drawn by its seed. The validation rows are the same for all; none are held out where
        there are some. How many training rows have no companions is told as warnings.
        """
        left_out = dict(table.left_out)
        companions = None if self.companions is None else self.companions.below(near)
        if self.exclude:
            banned, named = evaluation_sentences(near, self.exclude), ", ".join(self.exclude)
            table, count = without(table, banned)
            left_out[f"training rows that stand in {named}"] = count
            companions = None if companions is None else companions.without(banned)
            if companions is not None and companions.barred:
                left_out[f"rewrites and near texts that stand in {named}"] = len(companions.barred)
        if table.samples:  # else its bad rows are what is wrong with it
            table = held_out(table, count=self.validation, seed=self.seed or 0)
        draw = replace(self, companions=companions)
        lacking = [] if companions is None else companions.warnings([one for one in table.samples if one.split == "train"])
        return replace(
            table,
            left_out=left_out,
            problems=(*table.problems, *lacking),
            digests={**table.digests, **draw.digests},
            draws={"": draw},
        )

    @property
    def digests(self) -> Mapping[str, str]:
        """Of the tables of companions."""
        return {} if self.companions is None else self.companions.digests

    def draw(self, samples: Sequence[Sample], *, seed: int) -> list[Part]:
        """Training rows with fewer pictures, fewer captions of each, other pictures, and companions, as chosen.

        ``seed`` counts unless we have one.
        """
        seed = seed if self.seed is None else self.seed
        part = self._chosen(samples, seed=seed)
        return [part if self.companions is None else self.companions.added(part, seed=seed)]

    def _chosen(self, samples: Sequence[Sample], *, seed: int) -> Part:
        if self.pairs is not None:
            samples = limit_pictures(samples, count=self.pairs, seed=seed)
        if self.captions_per_image is None or self.resample == "never":
            if self.captions_per_image is not None:
                samples = limit_captions(samples, per_picture=self.captions_per_image, seed=seed)
            return every(self._shown(samples, seed=seed))
        choose = partial(drawn_captions, samples, per_picture=self.captions_per_image)
        return self._shown(samples, seed=seed), lambda epoch: choose(seed=seed_from(seed, "epoch", epoch))

    def _shown(self, samples: Sequence[Sample], *, seed: int) -> Sequence[Sample]:
        if self.images == "shuffled":
            return shuffle_pictures(samples, seed=seed, share=self.shuffled_share)
        return random_pictures(samples, seed=seed) if self.images == "random" else samples
