"""The pictures of a film through an image encoder, or the faces in them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL.Image import Image

from polysense.data.clip_file import NothingThereError, read_pictures
from polysense.data.frames import Provenance
from polysense.encoders.vision_image import VisionImage
from polysense.errors import RecipeError, display
from polysense.inference.extraction.extractor import Extractor, Medium, file_of, located, settings, weights_digest
from polysense.inference.extraction.faces import FaceDetector
from polysense.types import Sample

AT_ONCE = 16
"""Pictures in one pass."""


class Film(Extractor):
    """The summary of an image encoder for each picture.

    Args:
        pretrained: of the image encoder, as `VisionImage` takes it: ``efficientnet-lite0``, a Hugging Face id, a folder.
        pictures_per_second: how many are looked at.
        faces: finds the face that is looked at in the place of the whole picture; pictures without one are passed over.
    """

    name = "polysense film"

    def __init__(self, pretrained: str, *, pictures_per_second: float = 2.0, faces: FaceDetector | None = None) -> None:
        if not 0 < pictures_per_second <= 100:
            raise RecipeError(f"pictures per second: expected a number above 0 and up to 100, found {pictures_per_second:g}")
        self.pretrained = located(pretrained)
        self.pictures_per_second = float(pictures_per_second)
        self.faces = faces
        self._encoder = VisionImage(pretrained, tokens="pooled").eval()
        self._digest = weights_digest(self._encoder)

    @property
    def provenance(self) -> Provenance:
        """The encoder and the detector by their weights."""
        parameters = {
            "pretrained": self.pretrained,
            "weights": self._digest,
            **settings(self._encoder.processor.to_dict(), ("size", "crop_size", "image_mean", "image_std", "resample")),
            "pictures_per_second": self.pictures_per_second,
            "faces": None if self.faces is None else self.faces.parameters,
        }
        return Provenance(self.name, parameters, {"transformers": transformers.__version__})

    @torch.no_grad()
    def extract(self, medium: Medium) -> np.ndarray:
        """(pictures, width of the encoder)."""
        path = file_of(medium)
        found = [self._summaries(block) for block in blocks(self._looked_at(path))]
        if not found:
            raise NothingThereError(f"{display(path)} shows no face")
        return np.concatenate(found)

    def _looked_at(self, path: Path) -> Iterator[Image]:
        for picture in read_pictures(path, per_second=self.pictures_per_second):
            part = picture if self.faces is None else self.faces.crop(picture)
            if part is not None:
                yield part

    def _summaries(self, pictures: list[Image]) -> np.ndarray:
        fields = self._encoder.prepare([Sample(id="", image=picture) for picture in pictures])
        summaries: np.ndarray = self._encoder.encode(fields)[2].float().numpy()
        return summaries


def blocks(pictures: Iterator[Image]) -> Iterator[list[Image]]:
    """Few at a time, so that a long film takes no more memory than a short one."""
    while block := list(islice(pictures, AT_ONCE)):
        yield block
