"""Further texts and pictures for captions: rewritten ones, and unpaired ones that are near, drawn from tables that were made before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING

from polysense.data.caption import Caption
from polysense.data.decontaminate import comparable
from polysense.data.draws import Epochs, Part
from polysense.data.rewrite import NEGATIVE_LEVELS, Rewrite
from polysense.errors import DataError, Problem, RecipeError, choices, display
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
    barred: frozenset[str] = field(default=frozenset(), repr=False)
    """Texts of the tables that are never drawn; see `without`."""

    def __post_init__(self) -> None:
        for level, count in self.counts.items():
            if level not in NEGATIVE_LEVELS:
                raise RecipeError(f"{self.of}, negatives: {level!r} is no level; {choices(str(level), NEGATIVE_LEVELS)}")
            if count < 0:
                raise RecipeError(f"{self.of}, negatives: expected numbers from 0 up, found {level}: {count}")
        for name, number in (("near_texts", self.near_texts), ("near_images", self.near_images)):
            if number < 0:
                raise RecipeError(f"{self.of}, {name}: expected a number from 0 up, found {number}")
            if number > 1 and self.neighbours is None:
                raise RecipeError(
                    f"{self.of}, {name}: there is nothing near without a table of it: name its folder, neighbours"
                )
        if self.negatives and any(self.negatives.values()) and self.rewrites is None:
            raise RecipeError(f"{self.of}, negatives: are rewritten captions: name the folder that has them, rewrites")

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

    def without(self, banned: Collection[str]) -> Companions:
        """The same, which never draws a text that is among ``banned`` (see `data.decontaminate.evaluation_sentences`)."""
        texts: set[str] = set()
        if self.rewrites is not None:
            texts.update(_rewrites(self.rewrites).table["rewrite"])
        if self.neighbours is not None and self.near_texts:
            texts.update(_neighbours(self.neighbours, "texts").table["neighbour"])
        return replace(self, barred=frozenset(text for text in texts if comparable(text) in banned))

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
        tables = _Tables.of(self)
        self._refuse_strangers(rows, tables)
        drawn = [self._accompanied(row, tables, seed) for row in rows]
        return [samples[draw] for draw in range(DRAWS) for samples in drawn], _in_turn(epochs, len(rows))

    def _accompanied(self, sample: Sample, tables: _Tables, seed: int) -> list[Sample]:
        """The row once a draw."""
        rewrites = tables.rewritten(sample)
        same = [one.text for one in rewrites if one.level == "positive"] if self.positives else []
        by_level = {level: [one.text for one in rewrites if one.level == level] for level in self.counts}
        texts, pictures = tables.near_texts(sample), tables.near_images(sample)
        found = []
        for number in range(DRAWS):
            draw = Random(seed_from(seed, "companions", number, sample.id))
            pair = draw.choice(same) if same else sample.pair
            negatives = sample.negatives if tables.rewrites is None else tuple(_spread(by_level, self.counts, draw))
            near_texts = tuple(_some(texts, self.near_texts, draw))
            near_images = tuple(tables.picture(name) for name in _some(pictures, self.near_images, draw))
            found.append(replace(sample, pair=pair, negatives=negatives, near_texts=near_texts, near_images=near_images))
        return found

    def warnings(self, rows: Sequence[Sample]) -> list[Problem]:
        """For each table, how many of these training rows it has nothing for; where that is all of them, `added` refuses it."""
        if self.rewrites is None and self.neighbours is None:
            return []
        found = []
        for name, folder, has in _Tables.of(self).asked(self):
            lacking = sum(not has(row) for row in rows)
            if 0 < lacking < len(rows):
                reason = f"{lacking:,} of the {len(rows):,} training captions have none there"
                found.append(Problem(file=display(folder), row=None, id=None, field=name, reason=reason, severity="warning"))
        return found

    def _refuse_strangers(self, rows: Sequence[Sample], tables: _Tables) -> None:
        for name, folder, has in tables.asked(self):
            if rows and not any(map(has, rows)):
                raise DataError(
                    f"{self.of}, {name}: {display(folder)} has nothing for any of the {len(rows):,} training captions; "
                    "was it made of other ones?"
                )


@dataclass(frozen=True, slots=True)
class _Tables:
    """What companions are drawn from, read once for all rows; None is not used."""

    rewrites: Rewrites | None
    texts: Neighbours | None
    images: Neighbours | None
    home: Path | None
    """The folder of the near pictures."""
    barred: frozenset[str]
    """Texts that are passed over."""
    found: dict[str, Path] = field(default_factory=dict)
    """Near pictures that were seen to be there."""

    @classmethod
    def of(cls, companions: Companions) -> _Tables:
        folder = companions.neighbours
        images = _neighbours(folder, "images") if folder is not None and companions.near_images else None
        home = None if images is None else images.record.get("folder")
        if images is not None and not isinstance(home, str):
            raise DataError(f"{display(Path(folder or ''))}: neighbours.json does not say in which folder the pictures are")
        return cls(
            rewrites=_rewrites(companions.rewrites) if companions.rewrites is not None else None,
            texts=_neighbours(folder, "texts") if folder is not None and companions.near_texts else None,
            images=images,
            home=None if home is None else Path(str(home)),
            barred=companions.barred,
        )

    def asked(self, companions: Companions) -> Iterator[tuple[str, Path, Callable[[Sample], bool]]]:
        """Of each table that is used: its name, its folder, and whether it has anything for a row."""
        rewrites, texts, images = self.rewrites, self.texts, self.images
        if rewrites is not None:
            written = Path(companions.rewrites or "")
            yield "rewrites", written, lambda row: any(rewrites.has(row.text or "", name) for name in _pictures(row))
        near = Path(companions.neighbours or "")
        if texts is not None:
            yield "neighbours of texts", near, lambda row: texts.has(row.text or "")
        if images is not None:
            yield "neighbours of images", near, lambda row: any(map(images.has, _pictures(row)))

    def rewritten(self, sample: Sample) -> Sequence[Rewrite]:
        table, text = self.rewrites, sample.text or ""
        if table is None:
            return ()
        found = next((found for picture in _pictures(sample) if (found := table.of(text, picture))), ())
        return [one for one in found if one.text not in self.barred]

    def near_texts(self, sample: Sample) -> Sequence[str]:
        found = () if self.texts is None else self.texts.of(sample.text or "")
        return [text for text, _ in found if text not in self.barred]

    def near_images(self, sample: Sample) -> Sequence[str]:
        if self.images is None:
            return []
        return next((names for key in _pictures(sample) if (names := [name for name, _ in self.images.of(key)])), [])

    def picture(self, name: str) -> Path:
        """A near picture's file.

        Raises:
            DataError: it is not there, or lies elsewhere.
        """
        if name not in self.found:
            assert self.home is not None
            self.found[name] = _inside(self.home, name)
        return self.found[name]


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
