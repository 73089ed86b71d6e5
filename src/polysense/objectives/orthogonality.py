"""The codes of the modalities are to tell different things."""

from __future__ import annotations

from itertools import combinations
from typing import ClassVar

import torch
from torch import Tensor

from polysense.distributed import gather
from polysense.distributions import overlap
from polysense.objectives.codes import modalities_with, rows_with
from polysense.objectives.objective import Look, Objective
from polysense.types import Widths
from polysense.views.plain import Plain


class Orthogonality(Objective):
    """The private code of a modality has nothing of its shared one, nor of another modality's private one.

    The sum of ``mean (X^T Y)^2`` over the pairs (p_m, s_m) and (p_m, p_n), m != n; the codes centred over the rows of the batch that
    have both, each then divided by its length.   Reads: the private and shared codes of the fusion ``SharedPrivate``.
    Source: MISA (ACM MM 2020), L_diff.   Relations: ``MomentDiscrepancy`` for the shared codes.

    Args:
        widths: supplied by the build.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        modalities = modalities_with("private", widths, asker="Orthogonality")
        own = [((f"private.{name}", f"shared.{name}"), (name,)) for name in modalities]
        others = [((f"private.{one}", f"private.{two}"), (one, two)) for one, two in combinations(modalities, 2)]
        self.pairs = own + others

    def forward(self, look: Look) -> Tensor | None:
        """The sum over the pairs of which the batch has two rows; one alone is its own mean."""
        _, seen = look(Plain())
        terms = []
        for codes, modalities in self.pairs:
            rows = rows_with(seen, *modalities)
            left, right = (gather(seen.fused.codes[name][rows])[0] for name in codes)
            if len(left) > 1:
                terms.append(overlap(left, right))
        return torch.stack(terms).sum() if terms else None
