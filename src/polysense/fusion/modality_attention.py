"""Fusion as a mean of the modalities, weighted row by row."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from polysense.fusion.fusion import Fusion, any_present, single_state
from polysense.types import Encoded, Widths


class ModalityAttention(Fusion):
    """``sum_m a_m p_m``, ``p_m = tanh(W_m m + b_m)``, ``a = softmax_m(u . p_m)`` over the modalities that the row has.

    Source: among the fusions of the authors' code of Findings of EACL 2024 (aspect attention), where the softmax runs over other rows
    of the batch instead of the modalities of one.

    Args:
        widths: width of each modality's summary; supplied by the build.
        width: width of the result; the first modality's by default.
    """

    def __init__(self, widths: Widths, *, width: int | None = None) -> None:
        super().__init__()
        self.modalities = tuple(widths)
        self.width = width or next(iter(widths.values()))
        self.project = nn.ModuleDict({name: nn.Linear(own, self.width) for name, own in widths.items()})
        self.score = nn.Linear(self.width, 1, bias=False)

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Project, score, mean; rows that have nothing are zeros."""
        names = [name for name in self.modalities if name in parts]
        present = torch.stack([parts[name].present for name in names], dim=1)
        projected = torch.stack([torch.tanh(self.project[name](parts[name].summary)) for name in names], dim=1)
        return single_state((self._shares(projected, present).unsqueeze(-1) * projected).sum(dim=1), any_present(parts))

    def _shares(self, projected: Tensor, present: Tensor) -> Tensor:
        """(batch, modalities) of (batch, modalities, width): what each counts, 0 where it is not there."""
        scores: Tensor = self.score(projected).squeeze(-1)
        lowest = torch.finfo(scores.dtype).min
        return scores.masked_fill(~present, lowest).softmax(dim=1) * present
