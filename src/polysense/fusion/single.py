"""No fusion: one modality speaks for the row."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from polysense.errors import RecipeError, choices
from polysense.fusion.fusion import Fusion, single_state
from polysense.types import Encoded, Widths


class Single(Fusion):
    """The encoded ``modality`` as it is; the others are there for objectives that read them by themselves.

    The embedding of a row is then the summary of that modality: sentence embeddings, grounded in pictures or not (MCSE). Rows
    that lack it have an embedding of zeros, and are not present.

    Args:
        widths: width of each modality; supplied by the build.
        modality: the one that counts.
    """

    def __init__(self, widths: Widths, *, modality: str = "text") -> None:
        super().__init__()
        if modality not in widths:
            raise RecipeError(f"fusion.modality: no encoder for {modality!r}; {choices(modality, widths)}")
        self.modality = modality
        self.width = widths[modality]

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Pass it through."""
        if self.modality in parts:
            return parts[self.modality]
        other = next(iter(parts.values()))
        return single_state(other.summary.new_zeros(other.summary.shape[0], self.width), torch.zeros_like(other.present))
