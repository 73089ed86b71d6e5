"""Dropout by sixteen random bits an entry: on a processor torch draws a number of its own for each, on one thread."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CHANCES = 1 << 16
"""What sixteen bits can be; the rate is rounded to a share of it, and the scale is that of the rounded rate."""


def dropped(states: Tensor, rate: float) -> Tensor:
    """``states`` with a share ``rate`` of its entries set to zero and the others scaled by ``1 / (1 - rate)``, as torch does it."""
    if states.device.type != "cpu":
        return nn.functional.dropout(states, rate)
    return states * factors(states.numel(), rate, states.dtype).view(states.shape)


def factors(count: int, rate: float, dtype: torch.dtype) -> Tensor:
    """(count,) what entries are multiplied by: 0 for a share ``rate`` of them, else the scale.

    The bits come from torch's own generator: the same seed gives the same factors.
    """
    limit = round(rate * CHANCES)
    if limit == CHANCES:
        return torch.zeros(count, dtype=dtype)
    kept = random_bits(count) >= limit - CHANCES // 2
    return kept.to(dtype).mul_(CHANCES / (CHANCES - limit))


def random_bits(count: int) -> Tensor:
    """(count,) int16, every value as likely."""
    drawn = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    return drawn.view(torch.int16)[:count]


class QuickDropout(nn.Dropout):
    """``nn.Dropout`` with :func:`dropped`."""

    def forward(self, input: Tensor) -> Tensor:
        """``input``, in training with dropout."""
        return dropped(input, self.p) if self.training else input


def quicken(network: nn.Module) -> None:
    """Put a :class:`QuickDropout` in the place of every ``nn.Dropout`` of the network."""
    for module in network.modules():
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, QuickDropout(child.p).train(child.training))
