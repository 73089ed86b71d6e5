"""What two modalities say to each other, as numbers that a layer can add up."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from polysense.types import Widths


class Interactions(nn.Module):
    """``[p_a * p_b ; |p_a - p_b|]`` of every two modalities, p the normalised projection to one width (mean 0, deviation 1).

    Args:
        widths: of each modality's summary.
        width: of the projections.
    """

    def __init__(self, widths: Widths, width: int) -> None:
        super().__init__()
        self.project = nn.ModuleDict({name: nn.Linear(own, width) for name, own in widths.items()})
        self.width = width
        self.pairs = tuple(combinations(widths, 2))
        self.added = 2 * width * len(self.pairs)

    def forward(self, summaries: Mapping[str, Tensor]) -> Tensor:
        """Summaries (batch, own width) by modality to (batch, ``added``)."""
        seen = {name: layer_norm(layer(summaries[name]), (self.width,)) for name, layer in self.project.items()}
        found = [term for a, b in self.pairs for term in (seen[a] * seen[b], (seen[a] - seen[b]).abs())]
        return torch.cat(found, dim=-1)
