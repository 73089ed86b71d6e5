"""Where the face is in a picture, by a pretrained object detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from PIL.Image import Image
from transformers import AutoImageProcessor, AutoModelForObjectDetection

from polysense.encoders.loading import explained, without_bars
from polysense.errors import RecipeError
from polysense.inference.extraction.extractor import located, weights_digest

THRESHOLD = 0.5
"""How sure the detector must be, from 0 to 1."""


class FaceDetector:
    """A Hugging Face object detector, one of whose classes is called a face, or that has one class.

    Args:
        pretrained: a Hugging Face id, or a folder.
    """

    def __init__(self, pretrained: str) -> None:
        self.pretrained = located(pretrained)
        with explained("face detector", pretrained, such_as=()), without_bars():
            self._processor: Any = AutoImageProcessor.from_pretrained(pretrained, backend="pil", trust_remote_code=False)  # type: ignore[no-untyped-call]
            self._model: Any = AutoModelForObjectDetection.from_pretrained(
                pretrained, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
            ).eval()
        names: Mapping[int, str] = self._model.config.id2label
        self._classes = {number for number, name in names.items() if "face" in name.casefold() or len(names) == 1}
        if not self._classes:
            raise RecipeError(f"{pretrained!r} finds {', '.join(list(names.values())[:5])}, ...: no class is called a face")

    @property
    def parameters(self) -> dict[str, Any]:
        """All that decides what is cut out."""
        return {"pretrained": self.pretrained, "weights": weights_digest(self._model), "threshold": THRESHOLD}

    @torch.no_grad()
    def crop(self, picture: Image) -> Image | None:
        """The face of which the detector is surest; None where there is none."""
        read = self._processor(images=picture, return_tensors="pt")
        size = [(picture.height, picture.width)]
        found = self._processor.post_process_object_detection(self._model(**read), threshold=THRESHOLD, target_sizes=size)[0]
        boxes = [
            (float(score), box.tolist())
            for score, kind, box in zip(found["scores"], found["labels"], found["boxes"], strict=True)
            if int(kind) in self._classes
        ]
        if not boxes:
            return None
        left, top, right, bottom = max(boxes)[1]
        left, top = max(0, round(left)), max(0, round(top))
        right, bottom = min(picture.width, round(right)), min(picture.height, round(bottom))
        return picture.crop((left, top, right, bottom)) if left < right and top < bottom else None
