"""Fusion in which sound and film move what each word means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from polysense.errors import RecipeError
from polysense.fusion.borrowed import borrowed
from polysense.fusion.fusion import Fusion, Placeholders, any_present
from polysense.fusion.states import States
from polysense.types import Apart, Encoded, Widths, as_given


class AdaptationGate(Fusion):
    """The embedding e of each token is shifted by the states x_m of the other modalities at its place, through gates.

    ``g_m = ReLU(W_gm [x_m ; e] + b)``, ``H = sum_m g_m * (W_m x_m + b_m)``, ``e' = dropout(e + min(beta |e| / (|H| + 1e-6), 1) H)``:
    no shift is longer than beta times what it moves. The text encoder's network, with ``tokens: embedded``, reads e' in place of
    e; the summary is the mean of its states. Where sequences differ in length, x_m at the k-th of n tokens is the mean of the k-th
    of n equal parts of m. Other encoders must give states: ``tokens: all``. By itself, the text is the network's without a shift.

    Source: Multimodal Adaptation Gate, MAG-BERT (ACL 2020), which shifts behind the embeddings' norm and has one of its own there;
    here the network's own norm follows the shift, so that without one it is the network that it was.

    Args:
        widths: width of each modality's states; supplied by the build. The text and one other at least.
        beta: the longest shift, as a share of the embedding's length.
        dropout: of the shifted embeddings.
    """

    def __init__(self, widths: Widths, *, beta: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.moving = tuple(name for name in widths if name != "text")
        if "text" not in widths or not self.moving:
            raise RecipeError(f"fusion: AdaptationGate moves text by other modalities, the recipe has {', '.join(widths)}")
        self.width = widths["text"]
        self.beta = beta
        self.placeholders = Placeholders(widths)
        self.gates = nn.ModuleDict({name: nn.Linear(widths[name] + self.width, self.width) for name in self.moving})
        self.shifts = nn.ModuleDict({name: nn.Linear(widths[name], self.width) for name in self.moving})
        self.dropout = nn.Dropout(dropout)
        self._network: list[Any] = []  # in a list, for it is the encoder's: no module of this one

    def borrow(self, networks: Mapping[str, nn.Module]) -> None:
        """The text encoder's network, which must take embedded tokens."""
        self._network = [borrowed("AdaptationGate", networks, taking=("inputs_embeds", "attention_mask"))]

    def apart(self, parts: Mapping[str, Encoded]) -> Mapping[str, Encoded]:
        """The text through the network as it is; others as their encoders gave them."""

        def alone(name: str, part: Encoded) -> Encoded:
            return self._read(self.placeholders.states(name, {name: part}), part.present) if name == "text" else part

        return Apart(parts, alone)

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Move and read."""
        given = as_given(parts)
        return self._read(self.moved(given), any_present(given))

    def moved(self, parts: Mapping[str, Encoded]) -> States:
        """The shifted embeddings."""
        own = self.placeholders.states("text", parts)
        shift = torch.zeros_like(own.states)
        for name in self.moving:
            there = self.placeholders.states(name, parts).spread(own)
            gate = torch.relu(self.gates[name](torch.cat([there, own.states], dim=-1)))
            shift = shift + gate * self.shifts[name](there)
        return States(self.dropout(own.states + shortened(shift, own.states, beta=self.beta)), own.lengths)

    def _read(self, tokens: States, present: Tensor) -> Encoded:
        output = self._network[0](inputs_embeds=tokens.states, attention_mask=tokens.mask.long())
        read = States(output.last_hidden_state, tokens.lengths)
        return Encoded(read.states, read.mask, read.mean(), present)


def shortened(shift: Tensor, states: Tensor, *, beta: float) -> Tensor:
    """Each shift, at most beta times as long as its state; both (batch, time, width)."""
    length: Tensor = shift.norm(dim=-1, keepdim=True)
    longest: Tensor = beta * states.norm(dim=-1, keepdim=True)
    return shift * (longest / (torch.where(length == 0, 1.0, length) + 1e-6)).clamp(max=1.0)
