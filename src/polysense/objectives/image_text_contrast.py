"""Image-text contrast (ITC)."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from polysense.distributed import everywhere
from polysense.errors import choices
from polysense.losses import equal_keys, symmetric_info_nce
from polysense.objectives.objective import Aligning, Answering, Look
from polysense.types import Prediction, Representation, Widths
from polysense.views.plain import Plain


class ImageTextContrast(Answering, Aligning):
    """Pull an image and its own text together, away from the other texts of the batch.

    ``loss = (CE(S, diag) + CE(S^T, diag)) / 2``, ``S = exp(s) t v^T`` (rows L2-normalised; s learned, starts at log(1/0.07)).
    Posts of a batch with equal text or equal picture are no negatives of each other.
    Reads: text, image.   Source: Findings of EACL 2024, section 3 (ITC); the masking of duplicates and the bound on s are ours.
    Relations: ``ImageTextMatching`` asks the same of the fused pair.

    Args:
        widths: supplied by the build.
        shared_width: width of the space in which text and image are compared.
        initial_temperature: exp(-s) at the start.
        largest_scale: bound on exp(s).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text", "image"})
    among_rows: ClassVar[bool] = True
    aligned = ("text", "image")

    def __init__(
        self,
        widths: Widths,
        *,
        shared_width: int = 512,
        initial_temperature: float = 0.07,
        largest_scale: float = 100.0,
    ) -> None:
        super().__init__()
        if not 0 < initial_temperature < math.inf:
            raise ValueError(f"initial_temperature: expected a number above 0, found {initial_temperature}")
        if not 0 < largest_scale < math.inf:
            raise ValueError(f"largest_scale: expected a number above 0, found {largest_scale}")
        self.text = nn.Linear(widths["text"], shared_width, bias=False)
        self.image = nn.Linear(widths["image"], shared_width, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / initial_temperature)))
        self.largest_scale = largest_scale

    def forward(self, look: Look) -> Tensor | None:
        """The symmetric contrast over the rows that have both modalities."""
        shown, seen = look(Plain())
        both = seen.have("text", "image")
        duplicates = equal_keys(*(shown.batch.parts[name]["key"][both] for name in ("text", "image")))
        if everywhere(bool(duplicates.all())):
            return None
        text = self.text(seen.parts["text"].summary[both])
        image = self.image(seen.parts["image"].summary[both])
        return symmetric_info_nce(text, image, scale=self.scale(), duplicates=duplicates)

    def scale(self) -> Tensor:
        """exp(s), at most ``largest_scale``; the gradient passes the bound, so that s can come back from above it."""
        bounded = self.log_scale.clamp(max=math.log(self.largest_scale))
        return (self.log_scale + (bounded - self.log_scale).detach()).exp()

    def project(self, modality: str, summaries: Tensor) -> Tensor:
        """Text or image summaries in the space of the contrast, (rows, shared width), in float32."""
        if modality not in self.aligned:
            raise ValueError(f"no modality {modality!r} in the space of the contrast: {choices(modality, self.aligned)}")
        head = self.text if modality == "text" else self.image
        return normalize(head(summaries).float(), dim=-1)

    def answer(self, representation: Representation) -> Prediction:
        """``similarity``: the cosine of text and image, -1 to 1; None in rows that lack one."""
        parts = representation.parts
        count = representation.fused.summary.shape[0]
        if not {"text", "image"} <= set(parts):
            return Prediction({"similarity": [None] * count})
        text, image = self.project("text", parts["text"].summary), self.project("image", parts["image"].summary)
        both = representation.have("text", "image").tolist()
        cosines = (text * image).sum(dim=-1).tolist()
        return Prediction({"similarity": [value if there else None for value, there in zip(cosines, both, strict=True)]})
