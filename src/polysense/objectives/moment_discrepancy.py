"""The shared codes of the modalities are to be alike."""

from __future__ import annotations

from itertools import combinations
from typing import ClassVar

import torch
from torch import Tensor

from polysense.distributed import everywhere, gather
from polysense.distributions import central_moment_discrepancy
from polysense.objectives.codes import modalities_with, rows_with
from polysense.objectives.objective import Look, Objective
from polysense.types import Widths
from polysense.views.plain import Plain


class MomentDiscrepancy(Objective):
    """The central moment discrepancy of the shared codes of two modalities, the mean over all pairs of modalities.

    ``|| E x - E y || + sum_{k=2..moments} || E (x - E x)^k - E (y - E y)^k ||``, over the rows of the batch that have both.
    Reads: the shared codes of the fusion ``SharedPrivate``.   Source: MISA (ACM MM 2020), L_sim.
    Relations: ``Orthogonality`` and ``Reconstruction`` keep the codes from being nothing.

    Args:
        widths: supplied by the build.
        moments: the highest one.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, widths: Widths, *, moments: int = 5) -> None:
        super().__init__()
        self.modalities = modalities_with("shared", widths, asker="MomentDiscrepancy", least=2)
        self.moments = moments

    def forward(self, look: Look) -> Tensor | None:
        """The mean over the pairs of which the batch has rows."""
        _, seen = look(Plain())
        terms = []
        for pair in combinations(self.modalities, 2):
            rows = rows_with(seen, *pair)
            if everywhere(not bool(rows.any())):
                continue
            left, right = (gather(seen.fused.codes[f"shared.{name}"][rows])[0] for name in pair)
            terms.append(central_moment_discrepancy(left, right, moments=self.moments))
        return torch.stack(terms).mean() if terms else None
