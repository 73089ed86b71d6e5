"""Further texts and pictures for captions: rewritten ones, and unpaired ones that are near, drawn from tables that were made before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING

from polysense.data.caption import Caption
from polysense.data.draws import Epochs, Part
from polysense.data.rewrite import NEGATIVE_LEVELS, Rewrite
from polysense.errors import DataError, RecipeError, choices, display
from polysense.seeds import seed_from
from polysense.types import Sample

if TYPE_CHECKING:  # polars takes a while to load
    from polysense.data.neighbours import Neighbours
    from polysense.data.rewrites import Rewrites

DRAWS = 4
"""How often companions are drawn for a run; the epochs take the draws in turn."""

DEFAULT: Mapping[str, int] = MappingProxyType({"sentence": 1, "phrase": 1, "word": 1})
"""Negatives of each level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Companions:
    """What stands beside each training caption, and how much of it; messages begin with the corpus's name ``of``."""

    of: str
    rewrites: str | None = None
    """The folder that `polysense rewrite` wrote, below the data folder or else the current one; None for no rewrites."""
    neighbours: str | None = None
    """The folder that `polysense neighbours` wrote, likewise; None for nothing near."""
    positives: bool = True
    """Whether a caption has another one of its picture, or a translation, as its pair."""
    negatives: Mapping[str, int] | None = None
    """So many negatives of each level; None for `DEFAULT`."""
    near_texts: int = 1
    near_images: int = 1

    def __post_init__(self) -> None:
        for level, count in self.counts.items():
            if level not in NEGATIVE_LEVELS:
                raise RecipeError(f"{self.of}, negatives: {level!r} is no level; {choices(str(level), NEGATIVE_LEVELS)}")
            if count < 0:
                raise RecipeError(f"{self.of}, negatives: expected numbers from 0 up, found {level}: {count}")
        for name, number in (("near_texts", self.near_texts), ("near_images", self.near_images)):
            if number < 0:
                raise RecipeError(f"{self.of}, {name}: expected a number from 0 up, found {number}")

    @property
    def counts(self) -> Mapping[str, int]:
        """Negatives of each level."""
        return DEFAULT if self.negatives is None else self.negatives

    def below(self, root: Path) -> Companions:
        """The same, with the folders that stand in or beside the data folder ``root`` found there."""
        found = {
            name: str(home / folder)
            for name, folder in (("rewrites", self.rewrites), ("neighbours", self.neighbours))
            for home in (root.parent, root)  # the last counts
            if folder is not None and (home / folder).is_dir()
        }
        return replace(self, rewrites=found.get("rewrites", self.rewrites), neighbours=found.get("neighbours", self.neighbours))

    @property
    def digests(self) -> dict[str, str]:
        """Of the tables that are used, by name; none where nothing is added."""
        found = {}
        if self.rewrites is not None:
            found["rewrites"] = _rewrites(self.rewrites).digest
        if self.neighbours is not None:
            for kind, count in (("texts", self.near_texts), ("images", self.near_images)):
                if count:
                    found[f"neighbours of {kind}"] = _neighbours(self.neighbours, kind).digest
        return found

    def added(self, part: Part, *, seed: int) -> Part:
        """The rows with their companions, drawn `DRAWS` times; each epoch shows those of one draw.

        Raises:
            DataError: a table has nothing for any of the rows, or a near picture is not there.
        """
        rows, epochs = part
        if self.rewrites is None and self.neighbours is None:
            return part
        self._refuse_strangers(rows)
        drawn = [self._accompanied(row, seed_from(seed, "companions", draw, row.id)) for draw in range(DRAWS) for row in rows]
        return drawn, _in_turn(epochs, len(rows))

    def _accompanied(self, sample: Sample, seed: int) -> Sample:
        draw = Random(seed)
        pair, negatives = sample.pair, sample.negatives
        if self.rewrites is not None:
            found = self._rewritten(sample)
            same = [one.text for one in found if one.level == "positive"]
            pair = draw.choice(same) if same and self.positives else pair
            by_level = {level: [one.text for one in found if one.level == level] for level in self.counts}
            negatives = tuple(_spread(by_level, self.counts, draw))
        near_texts = _some(self._near(sample, "texts"), self.near_texts, draw)
        near_images = _some(self._near(sample, "images"), self.near_images, draw)
        return replace(
            sample, pair=pair, negatives=negatives, near_texts=tuple(near_texts), near_images=tuple(self._files(near_images))
        )

    def _refuse_strangers(self, rows: Sequence[Sample]) -> None:
        if not rows:
            return
        tables: list[tuple[str, str, Callable[[Sample], Sequence[object]]]] = []
        if self.rewrites is not None:
            tables.append(("rewrites", self.rewrites, self._rewritten))
        if self.neighbours is not None:
            for kind, count in (("texts", self.near_texts), ("images", self.near_images)):
                if count:
                    tables.append((f"neighbours of {kind}", self.neighbours, partial(self._near, kind=kind)))
        for name, folder, of in tables:
            if not any(of(row) for row in rows):
                raise DataError(
                    f"{self.of}, {name}: {display(Path(folder))} has nothing for any of the {len(rows):,} training captions; "
                    "was it made of other ones?"
                )

    def _rewritten(self, sample: Sample) -> Sequence[Rewrite]:
        assert self.rewrites is not None
        table, text = _rewrites(self.rewrites), sample.text or ""
        return next((found for picture in _pictures(sample) if (found := table.of(text, picture))), ())

    def _near(self, sample: Sample, kind: str) -> list[str]:
        if self.neighbours is None or not (self.near_texts if kind == "texts" else self.near_images):
            return []
        table = _neighbours(self.neighbours, kind)
        keys = (sample.text or "",) if kind == "texts" else _pictures(sample)
        pool = next((found for key in keys if (found := table.of(key))), ())
        return [neighbour for neighbour, _ in pool]

    def _files(self, names: Sequence[str]) -> list[Path]:
        if not names:
            return []
        assert self.neighbours is not None
        home = _neighbours(self.neighbours, "images").record.get("folder")
        if not isinstance(home, str):
            raise DataError(f"{display(Path(self.neighbours))}: neighbours.json does not say in which folder the pictures are")
        return [_inside(Path(home), name) for name in names]


def _pictures(sample: Sample) -> tuple[str, ...]:
    """What tables may call the picture of a caption: by its name there, and where a control shows another picture, by the group."""
    return Caption.of(sample).picture, sample.group or sample.id


def _some(pool: Sequence[str], count: int, draw: Random) -> list[str]:
    return draw.sample(pool, min(count, len(pool)))


def _spread(pools: Mapping[str, Sequence[str]], counts: Mapping[str, int], draw: Random) -> list[str]:
    """So many of each level; what a level lacks is drawn from what the others have left."""
    chosen: list[str] = []
    left: list[str] = []
    for level, count in counts.items():
        pool = draw.sample(list(pools[level]), len(pools[level]))
        chosen += pool[:count]
        left += pool[count:] if count else []
    missing = sum(counts.values()) - len(chosen)
    return chosen + draw.sample(left, min(missing, len(left)))


def _in_turn(epochs: Epochs, rows: int) -> Epochs:
    return lambda epoch: [epoch % DRAWS * rows + place for place in epochs(epoch)]


def _inside(home: Path, name: str) -> Path:
    """A picture below its folder.

    Raises:
        DataError: it is not there, or lies elsewhere.
    """
    path = home / name
    if not path.resolve().is_relative_to(home.resolve()):
        raise DataError(f"neighbours of images: {name!r} lies outside {display(home)}")
    if not path.is_file():
        raise DataError(f"neighbours of images: {display(path)} is not there")
    return path


def _rewrites(folder: str) -> Rewrites:
    from polysense.data.rewrites import TABLE

    return _read_rewrites(folder, _state(Path(folder) / TABLE))


def _neighbours(folder: str, kind: str) -> Neighbours:
    return _read_neighbours(folder, kind, _state(Path(folder) / f"{kind}.parquet"))


def _state(file: Path) -> tuple[int, int] | None:
    """Another one where a table was made anew; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _read_rewrites(folder: str, state: tuple[int, int] | None) -> Rewrites:
    from polysense.data.rewrites import Rewrites

    del state
    return Rewrites.read(folder)


@lru_cache(maxsize=4)
def _read_neighbours(folder: str, kind: str, state: tuple[int, int] | None) -> Neighbours:
    from polysense.data.neighbours import Neighbours

    del state
    return Neighbours.read(folder, kind)  # type: ignore[arg-type]
