"""Pictures without a text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from polysense.data.bad_rows import held_out
from polysense.data.corpus import Corpus, expect
from polysense.data.draws import Draw, Limit, applied
from polysense.data.folders import below
from polysense.data.media import content_key, file_digest
from polysense.data.picture_folder import pictures_in
from polysense.data.rows import RowReader
from polysense.data.table import Table
from polysense.data.tablefile import read_raw
from polysense.errors import DataError, Problem, RecipeError, choices, display
from polysense.types import Sample


class Pictures(Corpus):
    """Pictures without texts, all of a folder and the folders in it, or those of a table: for signals that learn from pictures alone.

    Every picture trains, except ``validation`` ones. Files with other endings are passed over. A table's column ``image`` may name
    stored features in the place of pictures (``regions.safetensors#12``); its other columns are not read.

    Args:
        path: the folder or table, below the data folder; by default the data folder itself.
        limit: so many training pictures, drawn by ``seed``; null takes all.
        validation: so many pictures that do not train.
        seed: of the draws; null takes the run's own. Validation rows are then drawn by 0, the same for all.
    """

    tasks: ClassVar[tuple[str, ...]] = ("pictures",)
    modalities: ClassVar[tuple[str, ...]] = ("image",)
    layout: ClassVar[tuple[str, ...]] = ("pictures, or a table with the column image",)
    own_files: ClassVar[bool] = True

    def __init__(self, path: str | None = None, limit: int | None = None, validation: int = 0, seed: int | None = None) -> None:
        if limit is not None and limit < 1:
            raise RecipeError(f"Pictures, limit: expected a number from 1 up or null, found {limit}")
        if validation < 0:
            raise RecipeError(f"Pictures, validation: expected a number from 0 up, found {validation}")
        self.path, self.limit, self.validation, self.seed = path, limit, validation, seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The pictures under ``root``."""
        return applied(self.candidates(root, media_root=media_root))

    def candidates(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The same with every training picture that may be drawn."""
        root = Path(root) if media_root is None else Path(media_root)
        root = root if root.is_dir() else root.parent
        folder = expect(self, root if self.path is None else below(root, self.path, argument="Pictures, path"))
        names = list(_names(folder))
        home = folder if folder.is_dir() else folder.parent
        reader = RowReader(file=display(folder), columns={"id": "image", "image": "image"}, media_root=home)
        read = [reader.read({"image": name}, number) for number, name in enumerate(names, start=1)]
        samples = [one for one in read if isinstance(one, Sample)]
        table = Table(
            name=folder.name,
            samples=tuple(replace(one, split="train", group=one.id) for one in samples),
            problems=tuple(one for one in read if isinstance(one, Problem)),
            columns=("image",),
            digests={folder.name: _digest(samples)},
            folder=home,
            corpus="Pictures",
        )
        if table.samples:
            table = held_out(table, count=self.validation, seed=self.seed or 0)
        draws: dict[str, Draw] = {} if self.limit is None else {"": Limit(self.limit, self.seed)}
        return replace(table, draws=draws)


def _names(path: Path) -> Iterator[str]:
    """The pictures of a folder or table, as they are named from there.

    Raises:
        DataError: there is none, or the table has no column for them.
    """
    if path.is_dir():
        yield from pictures_in(path)
        return
    raw = read_raw(path)
    if "image" not in raw.columns:
        raise DataError(f"{display(path)} has no column 'image'; {choices('image', raw.columns)}")
    yield from (str(row["image"]) for _, row in raw.rows)


def _digest(samples: Iterable[Sample]) -> str:
    """Another one, other pictures or other names of them."""
    found = hashlib.sha256()
    for sample in samples:
        content = file_digest(sample.image) if isinstance(sample.image, Path) else str(content_key(sample.image))
        found.update(json.dumps([sample.id, content]).encode())
    return found.hexdigest()
