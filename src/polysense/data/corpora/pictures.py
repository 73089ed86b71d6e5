"""Pictures without a text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from polysense.data.corpus import Corpus, expect
from polysense.data.draws import Draw, Limit, applied
from polysense.data.folders import below
from polysense.data.media import file_digest
from polysense.data.rows import RowReader
from polysense.data.table import Table, held_out
from polysense.errors import DataError, Problem, RecipeError, display
from polysense.types import Sample

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


class Pictures(Corpus):
    """A folder of pictures without texts, folders in it included: for signals that learn from pictures alone.

    Every picture trains, except ``validation`` ones. Files with other endings are passed over.

    Args:
        path: the folder, below the data folder; by default the data folder itself.
        limit: so many training pictures, drawn by ``seed``; null takes all.
        validation: so many pictures that do not train.
        seed: of the draws; null takes the run's own. Validation rows are then drawn by 0, the same for all.
    """

    tasks: ClassVar[tuple[str, ...]] = ("pictures",)
    modalities: ClassVar[tuple[str, ...]] = ("image",)
    layout: ClassVar[tuple[str, ...]] = (f"pictures ({', '.join(ENDINGS)})",)

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
        names = sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.suffix.lower() in ENDINGS)
        if not names:
            raise DataError(f"Pictures: {display(folder)} holds no picture ({', '.join(ENDINGS)})")
        reader = RowReader(file=display(folder), columns={"id": "image", "image": "image"}, media_root=folder)
        read = [reader.read({"image": name}, number) for number, name in enumerate(names, start=1)]
        table = Table(
            name=folder.name,
            samples=tuple(_training(one) for one in read if isinstance(one, Sample)),
            problems=tuple(one for one in read if isinstance(one, Problem)),
            columns=("image",),
            digests={one.id: file_digest(one.image) for one in read if isinstance(one, Sample) and isinstance(one.image, Path)},
            folder=folder,
            corpus="Pictures",
        )
        if table.samples:
            table = held_out(table, count=self.validation, seed=self.seed or 0)
        draws: dict[str, Draw] = {} if self.limit is None else {"": Limit(self.limit, self.seed)}
        return replace(table, draws=draws)


def _training(sample: Sample) -> Sample:
    return replace(sample, split="train", group=sample.id)
