"""Fusion by concatenating one vector a modality."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from polysense.fusion.fusion import Fusion, Placeholders, any_present, single_state
from polysense.types import Encoded, Widths


class Concatenation(Fusion):
    """``ReLU(W [m_1 ; m_2 ; ...])`` over the modalities' summaries.

    Source: Findings of EACL 2024, Ber-ViT-Conc, for text and image; late fusion for any others.

    Args:
        widths: width of each modality's summary; supplied by the build.
        width: width of the result; the first modality's by default.
        dropout: before the layer.
    """

    def __init__(self, widths: Widths, *, width: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        self.modalities = tuple(widths)
        self.width = width or next(iter(widths.values()))
        self.placeholders = Placeholders(widths)
        self.dropout = nn.Dropout(dropout)
        self.mix = nn.Linear(sum(widths.values()), self.width)

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Concatenate, dropout, mix, ReLU."""
        joined = torch.cat([self.placeholders.summary(name, parts) for name in self.modalities], dim=-1)
        return single_state(torch.relu(self.mix(self.dropout(joined))), any_present(parts))
