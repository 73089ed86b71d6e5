"""Fusion in which a learned gate says, number by number, which of two modalities speaks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion, Placeholders, any_present, single_state
from polysense.types import Encoded, Widths


class Gated(Fusion):
    """``g * tanh(W_a a + b_a) + (1 - g) * tanh(W_b b + b_b)``, ``g = sigmoid(W_g [a ; b] + b_g)``: the gated multimodal unit.

    Source: Arevalo et al. 2017 (GMU); among the fusions of the authors' code of Findings of EACL 2024, where the gate is not learned.

    Args:
        widths: width of each modality's summary; supplied by the build. Exactly two.
        width: width of the result; the first modality's by default.
    """

    def __init__(self, widths: Widths, *, width: int | None = None) -> None:
        super().__init__()
        if len(widths) != 2:
            raise RecipeError(f"fusion: Gated joins two modalities, the recipe has {', '.join(widths)}")
        self.modalities = tuple(widths)
        self.width = width or next(iter(widths.values()))
        self.placeholders = Placeholders(widths)
        self.project = nn.ModuleDict({name: nn.Linear(own, self.width) for name, own in widths.items()})
        self.gate = nn.Linear(sum(widths.values()), self.width)

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Project, weigh, add."""
        first, second = (self.placeholders.summary(name, parts) for name in self.modalities)
        open_for_first = torch.sigmoid(self.gate(torch.cat([first, second], dim=-1)))
        one, other = (
            torch.tanh(self.project[name](summary)) for name, summary in zip(self.modalities, (first, second), strict=True)
        )
        return single_state(open_for_first * one + (1 - open_for_first) * other, any_present(parts))
