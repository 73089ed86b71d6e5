"""Pictures as vectors that another program computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from polysense.data.features import Vector
from polysense.encoders.encoder import Encoder
from polysense.errors import DataError, RecipeError
from polysense.types import Fields, Sample


class StoredFeatures(Encoder):
    """Vectors that stand in the place of pictures (see `data.features`), passed on as they are: one state a row.

    It has no weights, so nothing of it is trained, and nothing is kept in the cache.

    Args:
        width: numbers in a vector (2048 of a ResNet-50).
    """

    modality = "image"

    def __init__(self, *, width: int) -> None:
        if width < 1:
            raise RecipeError(f"StoredFeatures, width: expected a number from 1 up, found {width}")
        super().__init__(trainable=False)
        self.width = width
        self.freeze()

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``vectors`` (batch, 1, width) float32; zeros where a sample has none.

        Raises:
            DataError: a sample has a picture and no vector, or its vector cannot be read, is not finite or of another width.
        """
        vectors = torch.zeros(len(samples), 1, self.width)
        for row, sample in enumerate(samples):
            if sample.image is not None:
                vectors[row, 0] = torch.from_numpy(self._vector(sample.image).read())
        return {"vectors": vectors}

    def _vector(self, image: object) -> Vector:
        if not isinstance(image, Vector):
            what = str(image) if isinstance(image, Path) else "it"
            raise DataError(f"{what} is a picture; the image encoder StoredFeatures reads vectors that are stored in a file")
        if image.width != self.width:
            raise DataError(f"{image} has {image.width} numbers, encoders.image.width is {self.width}")
        return image

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """The vectors as states (batch, 1, width) and as summary (batch, width)."""
        states = fields["vectors"]
        return states, torch.ones(states.shape[:2], dtype=torch.bool, device=states.device), states[:, 0]

    def save_assets(self, folder: Path) -> None:
        """Nothing: the recipe says all."""

    def preprocessing(self) -> str:
        """The vectors are taken as they are."""
        return f"vectors {self.width}"
