"""Fusion in which the sequence of each modality looks at those of all the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import pad

from polysense.errors import RecipeError, choices
from polysense.fusion.cross_modal import CrossModalTransformer
from polysense.fusion.fusion import Fusion, Placeholders, any_present, single_state
from polysense.fusion.states import States
from polysense.types import Encoded, Widths


class PairwiseCrossAttention(Fusion):
    """Each modality's states attend to each other modality's, then to themselves; the last states of all are joined.

    States pass a convolution over time (without padding; a sequence that is shorter than it makes one state), then for each target m
    and source n a ``CrossModalTransformer``. What m found in the others stands side by side, ``(modalities - 1) * state_width``
    wide, through a Transformer of its own; its last state is each row's own last one. These are joined to x, and the summary is
    ``x + W2 dropout(ReLU(W1 x))``.
    A modality that a row lacks is one learned state. The encoders must give states: ``tokens: all``.
    Source: Multimodal Transformer, MulT (ACL 2019).

    Args:
        widths: width of each modality's states; supplied by the build. Two or more.
        state_width: of the states behind the convolution; even.
        heads: of every attention; they share its width evenly.
        levels: layers of each Transformer between two modalities; those behind them have as many, and three at least.
        kernels: states that a convolution reads at once; one number for all, or by modality.
        positions: add sinusoidal ones. MMSA has none.
        causal: a state sees no later ones, as MMSA has it; see :func:`polysense.fusion.cross_modal.allowed`.
        attention_dropout: share of the attention that is dropped in training; one number for all, or by the modality looked at.
        input_dropout: of the encoders' states; one number for all, or by modality.
        embedding_dropout: of the states with their positions.
        dropout: inside the layers.
        output_dropout: behind the last ReLU.
    """

    def __init__(
        self,
        widths: Widths,
        *,
        state_width: int = 40,
        heads: int = 8,
        levels: int = 2,
        kernels: int | dict[str, int] = 1,
        positions: bool = True,
        causal: bool = False,
        attention_dropout: float | dict[str, float] = 0.0,
        input_dropout: float | dict[str, float] = 0.0,
        embedding_dropout: float = 0.0,
        dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(widths) < 2:
            raise RecipeError(
                f"fusion: PairwiseCrossAttention joins two modalities or more, the recipe has {', '.join(widths)}"
            )
        if heads < 1 or state_width % heads or state_width % 2:
            raise RecipeError(f"fusion: state_width {state_width} must be even and a multiple of heads {heads}")
        self.modalities = tuple(widths)
        self.kernels = self._each("kernels", kernels, 1)
        attention = self._each("attention_dropout", attention_dropout, 0.0)
        inputs = self._each("input_dropout", input_dropout, 0.0)
        if levels < 1 or min(self.kernels.values()) < 1:
            raise RecipeError(f"fusion: levels and kernels are numbers from 1 up, found {levels} and {kernels}")
        joined = (len(widths) - 1) * state_width
        self.width = len(widths) * joined
        self.placeholders = Placeholders(widths)
        self.input_dropout = nn.ModuleDict({name: nn.Dropout(share) for name, share in inputs.items()})
        self.convolve = nn.ModuleDict(
            {name: nn.Conv1d(own, state_width, self.kernels[name], bias=False) for name, own in widths.items()}
        )

        def transformer(width: int, layers: int, source: str) -> CrossModalTransformer:
            return CrossModalTransformer(
                width,
                heads,
                layers,
                attention_dropout=attention[source],
                embedding_dropout=embedding_dropout,
                dropout=dropout,
                placed=positions,
                causal=causal,
            )

        self.across = nn.ModuleDict(
            {
                f"{target}_from_{source}": transformer(state_width, levels, source)
                for target in self.modalities
                for source in self.modalities
                if source != target
            }
        )
        self.within = nn.ModuleDict({name: transformer(joined, max(levels, 3), name) for name in self.modalities})
        self.output = nn.Sequential(
            nn.Linear(self.width, self.width), nn.ReLU(), nn.Dropout(output_dropout), nn.Linear(self.width, self.width)
        )

    def _each(self, name: str, given: Any, otherwise: Any) -> dict[str, Any]:
        """An argument by modality."""
        if not isinstance(given, Mapping):
            return dict.fromkeys(self.modalities, given)
        for modality in given:
            if modality not in self.modalities:
                raise RecipeError(f"fusion.{name}: no encoder for {modality!r}; {choices(modality, self.modalities)}")
        return {modality: given.get(modality, otherwise) for modality in self.modalities}

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Look across, look within, join the last states."""
        sequences = {name: self._sequence(name, parts) for name in self.modalities}
        last = []
        for target, own in sequences.items():
            found = [
                self.across[f"{target}_from_{source}"](own, other).states
                for source, other in sequences.items()
                if source != target
            ]
            last.append(self.within[target](States(torch.cat(found, dim=-1), own.lengths)).last())
        joined = torch.cat(last, dim=-1)
        return single_state(joined + self.output(joined), any_present(parts))

    def _sequence(self, name: str, parts: Mapping[str, Encoded]) -> States:
        """The states behind the convolution."""
        read, kernel = self.placeholders.states(name, parts), self.kernels[name]
        states = pad(self.input_dropout[name](read.states), (0, 0, 0, max(0, kernel - read.states.shape[1])))
        states = self.convolve[name](states.transpose(1, 2)).transpose(1, 2)
        return States(states, (read.lengths - kernel + 1).clamp(min=1))
