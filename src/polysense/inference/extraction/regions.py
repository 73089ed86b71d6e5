"""Regions of a picture by an object detector, in its place: what ``Lxmert`` and ``SingleStream`` read with ``boxes: states``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import transformers
from torch.nn.functional import logsigmoid
from transformers import AutoImageProcessor, AutoModelForObjectDetection

from polysense.data.frames import Provenance
from polysense.data.media import load_image
from polysense.encoders.loading import explained, without_bars
from polysense.errors import RecipeError
from polysense.inference.extraction.extractor import Extractor, Medium, located, settings, weights_digest

DETECTORS = ("PekingU/rtdetr_v2_r18vd", "PekingU/rtdetr_r50vd")
"""Detectors of the DETR kind, as the hub names them."""


class Regions(Extractor):
    """The queries of a detector of the DETR kind that are surest of an object: their states, and the boxes that they see.

    Args:
        pretrained: a folder or a Hugging Face id (``PekingU/rtdetr_v2_r18vd``, or a DETR whose backbone is not timm's).
        count: how many a picture, the surest first; fewer where the detector has fewer queries.
        classes: between states and box stand the probabilities of the detector's classes, which sum to 1: its softmax without the class
            that there is nothing; of a detector that judges each class by itself, its sigmoids by their sum.

    Raises:
        RecipeError: it cannot be loaded, or gives no states of its queries.
    """

    name = "polysense regions"

    def __init__(self, pretrained: str, *, count: int = 36, classes: bool = False) -> None:
        if count < 1:
            raise RecipeError(f"regions: expected a number from 1 up, found {count}")
        self.pretrained = located(pretrained)
        self.count = count
        with explained("object detector", pretrained, such_as=DETECTORS), without_bars():
            self.processor = AutoImageProcessor.from_pretrained(pretrained, backend="pil", trust_remote_code=False)  # type: ignore[no-untyped-call]
            self.model: Any = AutoModelForObjectDetection.from_pretrained(
                pretrained, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
            ).eval()
        self.classes = int(self.model.config.num_labels) if classes else 0
        self._digest = weights_digest(self.model)

    @property
    def provenance(self) -> Provenance:
        """The detector by its weights."""
        parameters = {
            "pretrained": self.pretrained,
            "weights": self._digest,
            "regions": self.count,
            **({"classes": self.classes} if self.classes else {}),
            **settings(self.processor.to_dict(), ("size", "image_mean", "image_std", "resample", "do_normalize")),
        }
        return Provenance(self.name, parameters, {"transformers": transformers.__version__})

    @torch.no_grad()
    def extract(self, medium: Medium) -> np.ndarray:
        """(regions, width + classes + 4) of a picture: states, probabilities, then left, top, right, bottom as fractions of it."""
        output = self.model(**self.processor(images=load_image(medium), return_tensors="pt"))
        logits, states = output.logits[0], output.last_hidden_state[0]
        if len(states) != len(logits):
            raise RecipeError(
                f"{self.pretrained!r} gives {len(states)} states for {len(logits)} boxes: it is of another kind than DETR"
            )
        if logits.shape[-1] > self.model.config.num_labels:  # the last class of DETR is that there is nothing
            sure, chances = logits.softmax(dim=-1)[:, :-1].amax(dim=-1), logits[:, :-1].softmax(dim=-1)
        else:
            sure, chances = logits.sigmoid().amax(dim=-1), logsigmoid(logits).softmax(dim=-1)
        chosen = sure.argsort(descending=True, stable=True)[: self.count]
        x, y, width, height = output.pred_boxes[0, chosen].unbind(dim=-1)
        boxes = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dim=-1).clamp(0, 1)
        found: np.ndarray = torch.cat([states[chosen], chances[chosen, : self.classes], boxes], dim=-1).numpy()
        return found
