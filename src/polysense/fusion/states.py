"""Sequences of a batch, each of its own length, as fusions read them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class States(NamedTuple):
    """A sequence of each row; every row has at least one state, and all of a row's own stand first."""

    states: Tensor
    """(batch, time, width)"""
    lengths: Tensor
    """(batch,) int64, from 1 up."""

    @property
    def mask(self) -> Tensor:
        """(batch, time) bool: where states stand."""
        return torch.arange(self.states.shape[1], device=self.states.device) < self.lengths.unsqueeze(1)

    def last(self) -> Tensor:
        """(batch, width): each row's own last state."""
        return self.states[torch.arange(len(self.lengths), device=self.states.device), self.lengths - 1]

    def mean(self) -> Tensor:
        """(batch, width): of each row's own states."""
        own = self.states.masked_fill(~self.mask.unsqueeze(-1), 0.0)
        return own.sum(dim=1) / self.lengths.unsqueeze(-1)

    def spread(self, over: States) -> Tensor:
        """(batch, time of ``over``, width): one state for each of the other sequence's, in order; zeros where that has none.

        The k-th of n is the mean of the k-th of n equal parts of the row's own length: 10 states become 5 as the means of 2, 2 become
        4 by standing twice each. States at the border of two parts count in both by their shares.
        """
        own, other = self.lengths[:, None, None], over.lengths[:, None, None]
        place = torch.arange(over.states.shape[1], device=own.device)[:, None]
        source = torch.arange(self.states.shape[1], device=own.device)
        # Both sequences lie over the same stretch of own * other units.
        ends = torch.minimum((place + 1) * own, (source + 1) * other)
        shared = (ends - torch.maximum(place * own, source * other)).clamp(min=0)
        weights = (shared / own).masked_fill(place >= other, 0.0)
        return weights.to(self.states.dtype) @ self.states
