"""Fusion by the product of everything with everything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion, Placeholders, any_present, single_state
from polysense.types import Encoded, Widths


class TensorProduct(Fusion):
    """The outer product of ``[1 ; m]`` over all modalities, through dropout and layers ``ReLU(W x + b)``.

    It holds every product of one number of each modality, and because of the ones those of fewer modalities too. The text's numbers
    run fastest, before them the other modalities' in the recipe's order, the first one's slowest: audio, video, text.
    The first layer has ``width * (d_1 + 1) * (d_2 + 1) * ...`` weights.   Source: Tensor Fusion Network, TFN (EMNLP 2017).
    Relations: ``LowRankProduct`` reads the same products off with far fewer weights.

    Args:
        widths: width of each modality's summary; supplied by the build.
        width: width of the result.
        dropout: share of the products that are dropped in training.
        layers: how many.
        most_weights: of the first layer; a larger product is refused. 50 million take 0.2 GB, and 0.8 GB in training with Adam.
    """

    def __init__(
        self, widths: Widths, *, width: int = 64, dropout: float = 0.0, layers: int = 2, most_weights: int = 50_000_000
    ) -> None:
        super().__init__()
        if layers < 1:
            raise RecipeError(f"fusion.layers: expected a number from 1 up, found {layers}")
        self.modalities = tuple(sorted(widths, key=lambda name: name == "text"))
        products = math.prod(widths[name] + 1 for name in self.modalities)
        if products * width > most_weights:
            held = " x ".join(f"({widths[name]} + 1)" for name in self.modalities)
            raise RecipeError(
                f"fusion: the product of {', '.join(self.modalities)} holds {held} = {products} numbers, and the first layer "
                f"{products * width} weights, more than most_weights {most_weights}: narrow the encoders (width), take "
                "LowRankProduct, or raise most_weights where there is memory for four times as many numbers"
            )
        self.width = width
        self.placeholders = Placeholders(widths)
        entries = [products, *[width] * (layers - 1)]
        self.mix = nn.Sequential(
            nn.Dropout(dropout),
            *(module for entry in entries for module in (nn.Linear(entry, width), nn.ReLU())),
        )

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Multiply, dropout, mix."""
        product = outer_product([self.placeholders.summary(name, parts) for name in self.modalities])
        return single_state(self.mix(product), any_present(parts))


def outer_product(vectors: Sequence[Tensor]) -> Tensor:
    """Of ``[1 ; v]`` over the vectors, (rows, width) each: (rows, product of the widths + 1), the first one's numbers slowest."""
    product = with_one(vectors[0])
    for vector in vectors[1:]:
        product = torch.einsum("bi,bj->bij", product, with_one(vector)).flatten(1)
    return product


def with_one(vectors: Tensor) -> Tensor:
    """``[1 ; v]`` of each of the vectors (rows, width)."""
    return pad(vectors, (1, 0), value=1.0)
