"""Some rows of the training split, seen once more: what a memory that is indexed by them takes up of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Visit(NamedTuple):
    """Some different rows of the training split, seen once more."""

    rows: Tensor
    """(rows,) int64, ascending."""
    human: Tensor
    """(rows,)"""
    features: Mapping[str, Tensor]
    """(rows, width) each."""
    there: Mapping[str, Tensor]
    """(rows,) bool each: False where the row lacks the modality."""


def visit_of(index: Tensor, features: Mapping[str, Tensor], human: Tensor, present: Mapping[str, Tensor]) -> Visit:
    """The rows of a batch that have a score, ascending and each once; arguments as of :meth:`UnimodalLabelGenerator.observe`."""
    scored = ~human.isnan()
    rows, place = torch.unique(index[scored], return_inverse=True)
    every = torch.ones_like(place, dtype=torch.bool)
    found = {
        key: _means(values[scored], place, present[key][scored] if key in present else every, rows=len(rows))
        for key, values in features.items()
    }
    return Visit(
        rows=rows,
        human=_means(human[scored].unsqueeze(1), place, every, rows=len(rows))[0].squeeze(1),
        features={key: means for key, (means, _) in found.items()},
        there={key: there for key, (_, there) in found.items()},
    )


def _means(values: Tensor, place: Tensor, there: Tensor, *, rows: int) -> tuple[Tensor, Tensor]:
    """Of values (batch, width), where they are there, the means (rows, width) over the rows ``place`` (batch,); and who has any."""
    times = values.new_zeros(rows).index_add_(0, place, there.to(values.dtype))
    kept = values.masked_fill(~there.unsqueeze(1), 0.0)
    sums = kept.new_zeros(rows, kept.shape[1]).index_add_(0, place, kept)
    return sums / times.clamp(min=1).unsqueeze(1), times > 0
