"""From the state of a hidden token to the token."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WordHead(nn.Module):
    """``E LN(gelu(W h + c)) + b``; E are the encoder's word embeddings, or with ``tied=False`` a matrix of its own.

    Args:
        width: of the states.
        tokens: in the vocabulary.
        tied: whether E are the encoder's.
    """

    def __init__(self, width: int, tokens: int, *, tied: bool) -> None:
        super().__init__()
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.decoder = None if tied else nn.Linear(width, tokens, bias=False)
        self.bias = nn.Parameter(torch.zeros(tokens))

    def forward(self, states: Tensor, embeddings: Tensor) -> Tensor:
        """Logits (n, tokens) of states (n, width); ``embeddings`` (tokens, width) are the encoder's."""
        weight = embeddings if self.decoder is None else self.decoder.weight
        return nn.functional.linear(self.transform(states), weight, self.bias).float()
