"""Grounding: sentences near the pictures that they describe (MCSE)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from polysense.distributed import everywhere, gather
from polysense.errors import RecipeError, choices
from polysense.losses import equal_keys, info_nce
from polysense.objectives.objective import Aligning, Look
from polysense.types import Sample, Widths
from polysense.views.stacked import TWICE


class Grounding(Aligning):
    """Pull both dropout versions of a caption towards its picture, away from the other pictures of the batch.

    ``L = 1/2 [ CE(s v^T / t, diagonal) + CE(s' v^T / t, diagonal) ]``, s = g(h), s' = g(h'), v = v(x); g and v are one linear layer and
    tanh each, then L2-normalised; h is the sentence's summary before any head. Text to image alone unless ``directions`` is both.
    Reads: text, image.   Source: MCSE (NAACL 2022), equations 3 to 5; the masks and the weights of pairs are ours.
    Relations: sees the passes of ``SentenceContrast``; ``ImageTextContrast`` is two-directional and sees the text once.

    Args:
        widths: supplied by the build.
        shared_width: width of the space of text and picture.
        temperature: t.
        directions: ``text_to_image``, or ``both``: the mean with each picture against the captions.
        mask_duplicates: captions of equal pictures are no negatives of each other.
        noise_aware: weigh each pair by how well its picture has fitted so far: a running mean of its cosine, standardised over the
            pairs seen, through a sigmoid of this steepness; 0 weighs all alike. For pictures that may not belong to their text.
        momentum: of the running mean.
        rows: training rows, numbered by ``index``; filled in from the data where ``noise_aware`` is on.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text", "image"})
    among_rows: ClassVar[bool] = True
    aligned: tuple[str, ...] = ("text", "image")
    fit: Tensor

    def __init__(
        self,
        widths: Widths,
        *,
        shared_width: int = 256,
        temperature: float = 0.05,
        directions: Literal["text_to_image", "both"] = "text_to_image",
        mask_duplicates: bool = False,
        noise_aware: float = 0.0,
        momentum: float = 0.7,
        rows: int | None = None,
    ) -> None:
        super().__init__()
        if not temperature > 0:
            raise RecipeError(f"Grounding.temperature must be above 0, found {temperature}")
        if noise_aware < 0 or not 0 <= momentum < 1:
            raise RecipeError(f"Grounding: noise_aware from 0, momentum from 0 below 1; found {noise_aware} and {momentum}")
        self.text = nn.Sequential(nn.Linear(widths["text"], shared_width), nn.Tanh())
        self.image = nn.Sequential(nn.Linear(widths["image"], shared_width), nn.Tanh())
        self.temperature = temperature
        self.directions = directions
        self.mask_duplicates = mask_duplicates
        self.noise_aware = noise_aware
        self.momentum = momentum
        self.register_buffer("fit", torch.full((rows or 0,), torch.nan))

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """The number of training rows, where pairs are weighed."""
        return {**arguments, "rows": len(samples) if arguments["noise_aware"] else None}

    def forward(self, look: Look) -> Tensor | None:
        """The contrast over the rows that have both modalities."""
        shown, seen = look(TWICE)
        both = seen.parts["text"].present & seen.parts["image"].present
        first = both.chunk(2)[0]
        if everywhere(not bool(first.any())):
            return None
        versions = [self.text(part[first]) for part in seen.parts["text"].summary.chunk(2)]
        image = self.image(seen.parts["image"].summary.chunk(2)[0][first])
        key = shown.batch.parts["image"]["key"].chunk(2)[0][first]
        duplicates = equal_keys(key) if self.mask_duplicates else None
        weights = self._weights(shown.batch.fields["index"].chunk(2)[0][first], versions, image)
        pairs = [(version, image) for version in versions]
        if self.directions == "both":
            pairs += [(image, version) for version in versions]
        terms = [
            info_nce(left, right, temperature=self.temperature, duplicates=duplicates, weights=weights) for left, right in pairs
        ]
        return torch.stack(terms).mean()

    def _weights(self, index: Tensor, versions: Sequence[Tensor], image: Tensor) -> Tensor | None:
        """A weight for each row, about 1 in the mean, from the fit before this step; the fit is then updated."""
        if not self.noise_aware or not self.training:  # rows of validation have numbers of their own
            return None
        with torch.no_grad():
            cosine = torch.stack([(normalize(one.float()) * normalize(image.float())).sum(dim=1) for one in versions]).mean(
                dim=0
            )
            before = self.fit[index]
            seen = self.fit[~self.fit.isnan()]
            weights = torch.ones_like(cosine)
            if len(seen) > 1:
                standing = (before - seen.mean()) / seen.std().clamp(min=1e-6)
                weights = torch.where(before.isnan(), weights, 2 * torch.sigmoid(self.noise_aware * standing))
            now = torch.where(before.isnan(), cosine, self.momentum * before + (1 - self.momentum) * cosine)
            self.fit[gather(index)[0]] = gather(now)[0]
        return weights

    def project(self, modality: str, summaries: Tensor) -> Tensor:
        """Text or image summaries in the shared space, (rows, shared width), in float32."""
        if modality not in self.aligned:
            raise ValueError(f"no modality {modality!r} in the space of the grounding: {choices(modality, self.aligned)}")
        head = self.text if modality == "text" else self.image
        return normalize(head(summaries).float(), dim=-1)
