"""One sequence looks at another: the layers of MulT."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from polysense.fusion.states import States
from polysense.positions import positions


class CrossModalTransformer(nn.Module):
    """Layers in which a target's states attend to a source's: ``x + attend(x, source)``, then ``x + W2 ReLU(W1 x)``, norms first.

    Target and source are scaled by the root of the width, and positions added to them. The source stays as it is from layer to
    layer; where there is none, the target attends to itself.   Source: Tsai et al., ACL 2019 (MulT).

    Args:
        width: of the states.
        heads: of the attention; they share the width evenly.
        layers: how many.
        attention_dropout: share of the attention dropped in training.
        embedding_dropout: of the states with their positions.
        dropout: of what each layer adds, and behind its ReLU.
        placed: add sinusoidal positions.
        causal: a state sees no later ones of the source, see :func:`allowed`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        layers: int,
        *,
        attention_dropout: float,
        embedding_dropout: float,
        dropout: float,
        placed: bool,
        causal: bool,
    ) -> None:
        super().__init__()
        self.placed = placed
        self.causal = causal
        self.embedding_dropout = nn.Dropout(embedding_dropout)
        self.layers = nn.ModuleList(
            CrossModalLayer(width, heads, attention_dropout=attention_dropout, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, target: States, source: States | None = None) -> States:
        """The target, having looked."""
        mask = allowed(target, source or target, causal=self.causal).unsqueeze(1)
        states = self._placed(target.states)
        other = None if source is None else self._placed(source.states)
        for layer in self.layers:
            states = layer(states, other, mask)
        return States(self.norm(states), target.lengths)

    def _placed(self, states: Tensor) -> Tensor:
        time, width = states.shape[1:]
        states = math.sqrt(width) * states
        if self.placed:
            states = states + positions(time, width, device=states.device).to(states.dtype)
        dropped: Tensor = self.embedding_dropout(states)
        return dropped


class CrossModalLayer(nn.Module):
    """One layer of :class:`CrossModalTransformer`; queries, keys and values pass the same norm."""

    def __init__(self, width: int, heads: int, *, attention_dropout: float, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_dropout = attention_dropout
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.ask, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.dropout = nn.Dropout(dropout)
        self.inner = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(4 * width, width))
        for linear in self.modules():
            if isinstance(linear, nn.Linear):
                nn.init.xavier_uniform_(linear.weight)
                nn.init.zeros_(linear.bias)

    def forward(self, states: Tensor, source: Tensor | None, mask: Tensor) -> Tensor:
        """The states (batch, time, width), having attended where ``mask`` (batch, 1, time, source's time) is True."""
        queries = self.norms[0](states)
        keys = queries if source is None else self.norms[0](source)
        attended = scaled_dot_product_attention(
            self._heads(self.ask(queries)),
            self._heads(self.key(keys)),
            self._heads(self.value(keys)),
            attn_mask=mask,
            dropout_p=self.attention_dropout if self.training else 0.0,
        )
        states = states + self.dropout(self.out(attended.transpose(1, 2).flatten(2)))
        fed: Tensor = states + self.dropout(self.inner(self.norms[1](states)))
        return fed

    def _heads(self, states: Tensor) -> Tensor:
        """(batch, heads, time, width of a head)"""
        rows, time, width = states.shape
        return states.view(rows, time, self.heads, width // self.heads).transpose(1, 2)


def allowed(target: States, source: States, *, causal: bool) -> Tensor:
    """(batch, target's time, source's time) bool: which of the target's states see which of the source's.

    All that the row has; with ``causal`` state i sees state j where ``j - i < 1 + |L_source - L_target|``, by the row's own lengths.
    """
    mask = source.mask.unsqueeze(1)
    if not causal:
        return mask.expand(-1, target.states.shape[1], -1)
    times = (torch.arange(one.states.shape[1], device=one.states.device) for one in (target, source))
    query, key = next(times).unsqueeze(1), next(times)
    reach = 1 + (source.lengths - target.lengths).abs()
    return mask & (key - query < reach[:, None, None])
