"""One vector a picture, from a frozen encoder; what was encoded once stays in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from polysense.data.cache import FeatureCache
from polysense.encoders.vision_image import VisionImage
from polysense.errors import DataError, display
from polysense.progress import Progress
from polysense.types import Sample

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
"""Of pictures, in whatever case."""

BLOCK = 4096
"""Pictures whose vectors are read from the cache at a time."""


def pictures_in(folder: Path) -> dict[str, Path]:
    """Path below the folder, with forward slashes -> file, of every picture in it and in the folders in it.

    Raises:
        DataError: there is none.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
    if not files:
        raise DataError(f"{display(folder)} holds no pictures; they end with {', '.join(ENDINGS)}")
    return {file.relative_to(folder).as_posix(): file for file in files}


def picture_vectors(
    pictures: Mapping[str, Path], encoder: str, *, batch_size: int = 32, progress: Progress | None = None
) -> dict[str, np.ndarray]:
    """Name -> (width,) float32.

    Args:
        pictures: name -> file.
        encoder: what `VisionImage` takes: ``efficientnet-lite0``, a folder, a Hugging Face id.
        batch_size: pictures a pass.
        progress: told the pictures encoded, of those that are not in the cache.

    Raises:
        DataError: a picture cannot be read; the message names it.
    """
    frozen = VisionImage(encoder, trainable=False, tokens="pooled").eval()
    cache = FeatureCache(frozen)
    samples = [Sample(id=name, image=file, origin=display(file)) for name, file in pictures.items()]
    cache.fill(samples, batch_size=batch_size, progress=progress)
    found: dict[str, np.ndarray] = {}
    for start in range(0, len(samples), BLOCK):
        block = samples[start : start + BLOCK]
        summaries = cache.prepare(block)["summary"].numpy()
        found |= {sample.id: vector for sample, vector in zip(block, summaries, strict=True)}
    return found
