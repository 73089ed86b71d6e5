"""Which model made the vectors of a file: a note in a Parquet file's own metadata, in ``<name>.npy.json`` beside an ``.npy`` file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, RecipeError, display

if TYPE_CHECKING:
    from polysense.inference.predictor import Predictor

KEY = "polysense"
"""Of the note in the metadata of a Parquet file."""


@dataclass(frozen=True, slots=True)
class VectorOrigin:
    """What made some vectors."""

    model: str
    """As it was called."""
    fingerprint: str
    """Of what decides its vectors."""
    part: str | None
    """The modality that was embedded; None for the fused row."""
    shared: bool
    """Whether they stand in the space that text and picture share."""
    engine: str
    """``torch, float32``: what computed them; for the reader, it is not compared."""
    blank: int = 0
    """Rows whose text is empty."""
    made_from: Mapping[str, str] = field(default_factory=dict)
    """What decided the vectors, by name: digests of rows and model, and the settings; by it a file that is whole is known."""

    @classmethod
    def of(cls, model: Predictor, name: str, *, part: str | None, shared: bool, rows: int, blank: int = 0) -> VectorOrigin:
        """Of the vectors that ``model``, called ``name``, gives so many rows, of which so many are ``blank``."""
        made_by = model.engine(rows, part=part, shared=shared)
        return cls(display(name), fingerprint(model, shared=shared), part, shared, made_by, blank)

    def to_json(self) -> str:
        """The note."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def refuse(self, file: Path, asked: VectorOrigin) -> None:
        """Raise where the vectors of ``file``, which have this origin, cannot be searched by those of ``asked``.

        Raises:
            RecipeError: they are another model's, or stand in another space.
        """
        if self.fingerprint != asked.fingerprint and self.shared == asked.shared:
            raise RecipeError(
                f"{display(file)} holds vectors of the model {self.model!r}, and {asked.model!r} is another one: "
                "search with the model that made them"
            )
        if self.shared != asked.shared:
            there = "stand in the space that text and picture share" if self.shared else "stand in no shared space"
            raise RecipeError(f"{display(file)}: its vectors {there}: {'add' if self.shared else 'leave out'} --shared")
        if not self.shared and self.part != asked.part:
            way = "leave out --part" if self.part is None else f"say --part {self.part}"
            raise RecipeError(f"{display(file)}: its vectors are of {self.part or 'the whole rows'}: {way}")


def fingerprint(model: Predictor, *, shared: bool) -> str:
    """sha256 over the weights that decide the vectors, and the pooling; not over where the model lies or what it is called."""
    parts = model.learner if shared else model.learner.model
    text = model.learner.model.encoder("text") if "text" in model.modalities else None
    digest = hashlib.sha256((text.pooling if isinstance(text, TransformerText) else "").encode())
    for name, tensor in sorted(parts.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def beside(file: Path) -> Path:
    """Where the note of an ``.npy`` file is."""
    return file.with_name(f"{file.name}.json")


def read_origin(file: Path) -> VectorOrigin | None:
    """The note of a file of vectors; None where nobody wrote one, as other programs do not.

    Raises:
        DataError: it is damaged.
    """
    text = _noted(file)
    if text is None:
        return None
    try:
        known = {one.name for one in fields(VectorOrigin)}  # older notes have others
        return VectorOrigin(**{name: value for name, value in json.loads(text).items() if name in known})
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{display(file)}: the note of the model that made it is damaged: {error}") from None


def _noted(file: Path) -> str | None:
    if file.suffix == ".npy":
        note = beside(file)
        return note.read_text(encoding="utf-8") if note.is_file() else None
    import polars as pl

    try:
        return pl.read_parquet_metadata(file).get(KEY)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{display(file)} cannot be read as Parquet: {error}") from None
