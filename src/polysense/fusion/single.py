"""No fusion: one modality speaks for the row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

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
        """Pass it through; zeros in the rows that lack it, whatever an encoder makes of what is not there."""
        if self.modality in parts:
            part = parts[self.modality]
            if bool(part.present.all()):
                return part
            lacking = ~part.present
            states = part.states.masked_fill(lacking[:, None, None], 0.0)
            return replace(part, states=states, summary=part.summary.masked_fill(lacking[:, None], 0.0))
        other = next(iter(parts.values()))
        return single_state(other.summary.new_zeros(other.summary.shape[0], self.width), torch.zeros_like(other.present))
