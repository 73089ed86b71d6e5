"""Fusion in which sound and film move what each word means."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from polysense.errors import RecipeError, choices
from polysense.fusion.fusion import Fusion, Placeholders, any_present, single_state
from polysense.fusion.states import States
from polysense.types import Encoded, Widths


class AdaptationGate(Fusion):
    """Each state e of the text is shifted by the states x_m of the other modalities at its place, through gates; then layers read on.

    ``g_m = ReLU(W_gm [x_m ; e])``, ``H = sum_m g_m * W_m x_m``, ``lambda = min(beta |e| / (|H| + 1e-6), 1)`` for each state, so that no
    shift is longer than beta times what it moves, and ``e' = dropout(LayerNorm(e + lambda H))``. Transformer layers follow; the
    summary is the mean of their states. Where sequences differ in length, x_m at the k-th of n states is the mean of the k-th of n
    equal parts of m. The encoders must give states: ``tokens: all``.
    Source: Multimodal Adaptation Gate, MAG-BERT (ACL 2020), there behind the embeddings of BERT, whose layers follow.

    Args:
        widths: width of each modality's states; supplied by the build. Two or more.
        moved: the modality whose states are shifted.
        beta: the longest shift, as a share of the state's length.
        dropout: of the shifted states.
        layers: Transformer layers behind the gate.
        heads: of their attention; they share the width evenly.
        layer_dropout: inside them.
    """

    def __init__(
        self,
        widths: Widths,
        *,
        moved: str = "text",
        beta: float = 1.0,
        dropout: float = 0.0,
        layers: int = 1,
        heads: int = 4,
        layer_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if moved not in widths:
            raise RecipeError(f"fusion.moved: no encoder for {moved!r}; {choices(moved, widths)}")
        self.moved = moved
        self.moving = tuple(name for name in widths if name != moved)
        if not self.moving:
            raise RecipeError(f"fusion: AdaptationGate moves {moved} by other modalities, the recipe has none")
        self.width = widths[moved]
        if layers < 0 or heads < 1 or self.width % heads:
            raise RecipeError(
                f"fusion: layers is a number from 0 up, found {layers}; the width {self.width} of {moved} must be a multiple of "
                f"heads {heads}"
            )
        self.beta = beta
        self.placeholders = Placeholders(widths)
        self.gates = nn.ModuleDict({name: nn.Linear(widths[name] + self.width, self.width) for name in self.moving})
        self.shifts = nn.ModuleDict({name: nn.Linear(widths[name], self.width) for name in self.moving})
        self.norm = nn.LayerNorm(self.width)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(self.width, heads, 4 * self.width, layer_dropout, batch_first=True)
            for _ in range(layers)
        )

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Move, read on, take the mean."""
        own = self.placeholders.states(self.moved, parts)
        shift = torch.zeros_like(own.states)
        for name in self.moving:
            there = self.placeholders.states(name, parts).spread(own)
            gate = torch.relu(self.gates[name](torch.cat([there, own.states], dim=-1)))
            shift = shift + gate * self.shifts[name](there)
        states = self.dropout(self.norm(own.states + shortened(shift, own.states, beta=self.beta)))
        for layer in self.layers:
            states = layer(states, src_key_padding_mask=~own.mask)
        return single_state(States(states, own.lengths).mean(), any_present(parts))


def shortened(shift: Tensor, states: Tensor, *, beta: float) -> Tensor:
    """Each shift, at most beta times as long as its state; both (batch, time, width)."""
    length: Tensor = shift.norm(dim=-1, keepdim=True)
    longest: Tensor = beta * states.norm(dim=-1, keepdim=True)
    return shift * (longest / (torch.where(length == 0, 1.0, length) + 1e-6)).clamp(max=1.0)
