"""Where a state stands in its sequence, as numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def positions(length: int, width: int, *, device: torch.device) -> Tensor:
    """Sinusoidal positions (length, width): sines in the even places, cosines in the odd ones, wave lengths from 2 pi to 10000 * 2 pi.

    Source: Vaswani et al., NeurIPS 2017.
    """
    place = torch.arange(length, device=device, dtype=torch.float32).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2, device=device, dtype=torch.float32) * (-math.log(10000.0) / width))
    return torch.stack([torch.sin(place * rate), torch.cos(place * rate)], dim=-1).flatten(1)
