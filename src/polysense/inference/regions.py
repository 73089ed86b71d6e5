"""Regions of pictures by an object detector, in the place of pictures: what ``Lxmert`` reads with ``boxes: states``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import AutoImageProcessor, AutoModelForObjectDetection

from polysense.data.frames import Provenance, write_frames
from polysense.data.media import load_image
from polysense.encoders.loading import explained, without_bars
from polysense.errors import RecipeError


class RegionDetector:
    """The queries of a detector of the DETR kind that are surest of an object: their states, and the boxes that they see.

    Args:
        pretrained: a folder or a Hugging Face id (``PekingU/rtdetr_v2_r18vd``, or a DETR whose backbone is not timm's).
        regions: how many a picture, the surest first; fewer where the detector has fewer queries.

    Raises:
        RecipeError: it cannot be loaded, or gives no states of its queries.
    """

    def __init__(self, pretrained: str, *, regions: int = 36) -> None:
        if regions < 1:
            raise RecipeError(f"regions: expected a number from 1 up, found {regions}")
        with explained("object detector", pretrained), without_bars():
            self.processor = AutoImageProcessor.from_pretrained(pretrained, backend="pil", trust_remote_code=False)  # type: ignore[no-untyped-call]
            self.model: Any = AutoModelForObjectDetection.from_pretrained(
                pretrained, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
            )
        self.model.eval()
        self.count = regions
        self.provenance = Provenance(
            "regions", {"detector": pretrained, "regions": regions}, {"transformers": transformers.__version__}
        )

    def regions(self, picture: Any) -> np.ndarray:
        """(regions, width + 4) float32 of a picture: states, then left, top, right, bottom as fractions of the picture.

        Raises:
            DataError: the picture cannot be read.
        """
        with torch.inference_mode():
            output = self.model(**self.processor(images=load_image(picture), return_tensors="pt"))
        logits, states = output.logits[0], output.last_hidden_state[0]
        if logits.shape[-1] > self.model.config.num_labels:  # the last class of DETR is that there is nothing
            sure = logits.softmax(dim=-1)[:, :-1].amax(dim=-1)
        else:
            sure = logits.sigmoid().amax(dim=-1)
        chosen = sure.argsort(descending=True, stable=True)[: self.count]
        x, y, width, height = output.pred_boxes[0, chosen].unbind(dim=-1)
        boxes = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dim=-1).clamp(0, 1)
        found: np.ndarray = torch.cat([states[chosen], boxes], dim=-1).numpy()
        return found


def write_regions(file: Path, pictures: Sequence[Any], detector: RegionDetector) -> None:
    """Write the regions of pictures as a file of sequences; a table names those of the first as ``<file>#0``.

    Raises:
        DataError: a picture cannot be read, or there is none.
    """
    write_frames(file, [detector.regions(picture) for picture in pictures], detector.provenance)
