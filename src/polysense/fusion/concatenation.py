"""Fusion by concatenating one vector a modality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion, Placeholders, any_present, single_state
from polysense.fusion.interactions import Interactions
from polysense.types import Encoded, Widths


class Concatenation(Fusion):
    """``ReLU(W [m_1 ; m_2 ; ...])`` over the modalities' summaries.

    Source: Findings of EACL 2024, Ber-ViT-Conc, for text and image; late fusion for any others. With two layers the fusion of LF-DNN,
    with two of ``tanh`` that of MMIM (EMNLP 2021).

    Args:
        widths: width of each modality's summary; supplied by the build.
        width: width of the result; the first modality's by default.
        dropout: before the layers.
        layers: how many; each is ``width`` wide.
        activation: behind each layer.
        interactions: of every two modalities a, b also W_a a * W_b b and |W_a a - W_b b|, which one layer over [a ; b] cannot make.
            Take it where the question is whether two modalities agree, as ``ImageTextMatching`` asks.
    """

    def __init__(
        self,
        widths: Widths,
        *,
        width: int | None = None,
        dropout: float = 0.0,
        layers: int = 1,
        activation: Literal["relu", "tanh"] = "relu",
        interactions: bool = False,
    ) -> None:
        super().__init__()
        if layers < 1:
            raise RecipeError(f"fusion.layers: expected a number from 1 up, found {layers}")
        self.modalities = tuple(widths)
        self.width = width or next(iter(widths.values()))
        self.placeholders = Placeholders(widths)
        self.dropout = nn.Dropout(dropout)
        self.interactions = Interactions(widths, self.width) if interactions else None
        added = self.interactions.added if self.interactions is not None else 0
        self.mix = nn.Linear(sum(widths.values()) + added, self.width)
        self.further = nn.ModuleList(nn.Linear(self.width, self.width) for _ in range(layers - 1))
        self.activation = torch.tanh if activation == "tanh" else torch.relu

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Concatenate, dropout, mix."""
        summaries = {name: self.placeholders.summary(name, parts) for name in self.modalities}
        joined = torch.cat(list(summaries.values()), dim=-1)
        if self.interactions is not None:
            joined = torch.cat([joined, self.interactions(summaries)], dim=-1)
        mixed = self.activation(self.mix(self.dropout(joined)))
        for layer in self.further:
            mixed = self.activation(layer(mixed))
        return single_state(mixed, any_present(parts))
