"""The rows that a run learns from, chooses by and is scored on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polysense.data.draws import Draw, Drawn
from polysense.data.media import content_key, file_digest
from polysense.data.table import Table
from polysense.types import MODALITIES, Sample

if TYPE_CHECKING:
    from PIL.Image import Image

    from polysense.data.features import Vector
    from polysense.data.frames import Frames
    from polysense.recipe import Recipe


@dataclass(frozen=True)
class Splits:
    """The samples of a run by role; test may be empty."""

    train: Sequence[Sample]
    validation: Sequence[Sample]
    test: Sequence[Sample]
    draws: Mapping[str, Draw] = field(default_factory=dict)
    """Which of the training rows a seed shows, by their ``source``; none shows all of them."""
    columns: Collection[str] = ()
    """Other columns of the table that are read."""

    @classmethod
    def of(cls, table: Table, *, columns: Collection[str] = ()) -> Splits:
        """The splits of a table; train and validation must be there."""
        test = table.split("test") if "test" in table.splits else []
        return cls(table.split("train"), table.split("validation"), test, draws=table.draws, columns=columns)

    def drawn(self, seed: int) -> Drawn:
        """The training rows of one seed."""
        return Drawn(self.train, self.draws, seed=seed)

    @property
    def sizes(self) -> dict[str, int]:
        """Rows a split."""
        return {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}

    @property
    def digest(self) -> str:
        """SHA-256 over all that training and scoring read: the rows in their order, the content of their media, what is drawn from.

        Equal data in another folder or another kind of file have an equal digest.
        """
        found = hashlib.sha256(json.dumps(self.sizes).encode())
        for sample in (*self.train, *self.validation, *self.test):
            contents = [_content(getattr(sample, name)) for name in MODALITIES]
            texts = [sample.pair, *sample.negatives]
            asked = [] if sample.aspect is None else [{"aspect": sample.aspect}]
            marked = [] if sample.spans is None else [{"spans": [(one.start, one.end, one.role) for one in sample.spans]}]
            alone = [{"scores": dict(sample.scores)}] if sample.scores else []
            others = [{"columns": {name: sample.extra.get(name) for name in sorted(self.columns)}}] if self.columns else []
            row = [
                sample.id,
                sample.label,
                sample.score,
                sample.source,
                sample.group,
                *contents,
                *texts,
                *asked,
                *marked,
                *alone,
                *others,
            ]
            found.update(json.dumps(row).encode())
        for source, draw in sorted(self.draws.items()):
            found.update(json.dumps([source, dict(draw.digests)]).encode())
        return found.hexdigest()


def read_columns(recipe: Recipe) -> set[str]:
    """The columns without a meaning of their own that the encoders of a recipe read: words in pictures, titles."""
    return {column for part in recipe.encoders.values() if (column := part.arguments.get("beside")) not in (None, "pair")}


def _content(value: str | Path | Vector | Frames | Image | None) -> str | int | None:
    if isinstance(value, Path):
        return file_digest(value)
    return value if value is None or isinstance(value, str) else content_key(value)
