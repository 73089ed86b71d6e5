"""Fusion by the product of everything with everything, read off in few weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion, Placeholders, any_present, single_state
from polysense.fusion.tensor_product import with_one
from polysense.types import Encoded, Widths


class LowRankProduct(Fusion):
    """``sum_r w_r * prod_m (W_m^r [1 ; m]) + b``, products number by number: a linear layer of low rank on ``TensorProduct``.

    Source: Low-rank Multimodal Fusion, LMF (ACL 2018).
    Relations: with enough ranks it can be any linear read-out of ``TensorProduct``.

    Args:
        widths: width of each modality's summary; supplied by the build.
        width: width of the result; 1 in MMSA, which takes the number for the score.
        rank: how many terms; the more, the more kinds of products each number of the result can weigh.
    """

    def __init__(self, widths: Widths, *, width: int = 16, rank: int = 4) -> None:
        super().__init__()
        if width < 1 or rank < 1:
            raise RecipeError(f"fusion: width and rank are numbers from 1 up, found {width} and {rank}")
        self.modalities = tuple(widths)
        self.width = width
        self.placeholders = Placeholders(widths)
        self.factors = nn.ParameterDict({name: torch.empty(rank, own + 1, width) for name, own in widths.items()})
        for factor in self.factors.values():
            for each in factor.unbind():
                nn.init.xavier_normal_(each.data)
        self.rank_weights = nn.Parameter(torch.randn(rank) / rank**0.5)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Project, multiply, add up."""
        vectors = [self.placeholders.summary(name, parts) for name in self.modalities]
        factors = [self.factors[name] for name in self.modalities]
        return single_state(low_rank_product(vectors, factors, self.rank_weights) + self.bias, any_present(parts))


def low_rank_product(vectors: Sequence[Tensor], factors: Sequence[Tensor], weights: Tensor) -> Tensor:
    """``sum_r w_r * prod_m (W_m^r [1 ; m])``: (rows, width).

    Args:
        vectors: m, (rows, width of the modality) each.
        factors: W_m, (ranks, width of the modality + 1, width) each.
        weights: w, (ranks,).
    """
    product = torch.ones_like(weights)[:, None, None]
    for vector, factor in zip(vectors, factors, strict=True):
        product = product * torch.einsum("bi,rio->rbo", with_one(vector), factor)
    return torch.einsum("r,rbo->bo", weights, product)
