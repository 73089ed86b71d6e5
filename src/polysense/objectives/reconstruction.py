"""The codes of a modality together are to hold all of it."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from polysense.distributed import everywhere, mean
from polysense.objectives.codes import modalities_with, rows_with
from polysense.objectives.objective import Look, Objective
from polysense.types import Widths
from polysense.views.plain import Plain


class Reconstruction(Objective):
    """``mean (D_m (p_m + s_m) - u_m)^2`` over rows and numbers, the mean over the modalities: from its codes a modality can be told.

    Reads: the codes of the fusion ``SharedPrivate``, and the projected summaries u_m that they were made of.
    Source: MISA (ACM MM 2020), L_recon.   Relations: ``MomentDiscrepancy`` alone is least where the shared codes say nothing.

    Args:
        widths: supplied by the build.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self.modalities = modalities_with("projected", widths, asker="Reconstruction")
        self.decoders = nn.ModuleDict(
            {name: nn.Linear(widths[f"private.{name}"], widths[f"projected.{name}"]) for name in self.modalities}
        )

    def forward(self, look: Look) -> Tensor | None:
        """The mean over the modalities that the batch has."""
        _, seen = look(Plain())
        codes, terms = seen.fused.codes, []
        for name in self.modalities:
            rows = rows_with(seen, name)
            if everywhere(not bool(rows.any())):
                continue
            made = self.decoders[name](codes[f"private.{name}"] + codes[f"shared.{name}"])
            errors = (made - codes[f"projected.{name}"]).square().mean(dim=1)
            terms.append(mean(errors, rows))
        return torch.stack(terms).mean() if terms else None
