"""Of the fused summary one is to tell whose sound, whose film and whose text it was made of."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from polysense.distributed import everywhere
from polysense.losses import info_nce
from polysense.objectives.codes import rows_with
from polysense.objectives.objective import Look, Objective
from polysense.types import MODALITIES, Widths
from polysense.views.plain import Plain


class ContrastivePrediction(Objective):
    """``mean_i [ log sum_j exp cos(m_i, G_m Z_j) - cos(m_i, G_m Z_i) ]``, the sum over the modalities m.

    G_m is a linear layer, from the fused summary Z to the width of the modality's; the rows j are those of the batch that have it.
    There is no temperature: the term of a modality lies between 0 and log of the rows + 2.
    Reads: any modalities.   Source: MMIM (EMNLP 2021), contrastive predictive coding; the bound that it maximises is of the mutual
    information of Z and m.   Relations: ``MutualInformationBound`` does the same between the modalities.

    Args:
        widths: supplied by the build.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self.modalities = tuple(name for name in MODALITIES if name in widths)
        self.predict = nn.ModuleDict({name: nn.Linear(widths["fused"], widths[name]) for name in self.modalities})

    def forward(self, look: Look) -> Tensor | None:
        """The sum over the modalities that the batch has."""
        _, seen = look(Plain())
        terms = []
        for name in self.modalities:
            rows = rows_with(seen, name)
            if everywhere(not bool(rows.any())):
                continue
            told = self.predict[name](seen.fused.summary[rows])
            own = seen.parts[name].summary[rows] if name in seen.parts else torch.zeros_like(told)
            terms.append(info_nce(own, told, temperature=1.0))
        return torch.stack(terms).sum() if terms else None
