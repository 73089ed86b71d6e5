"""Where in a picture each of its states lies."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from polysense.errors import RecipeError

BOX = 4
"""Numbers of a box: left, top, right, bottom, as fractions of the picture."""


def grid_boxes(states: Tensor, asker: str) -> Tensor:
    """The boxes (batch, states, 4) of the cells of a square grid, row by row.

    A class token, or one and four registers, may stand first: their box is the picture. ``asker`` is the fusion, for messages.

    Raises:
        RecipeError: there is no square number of other states.
    """
    side = math.isqrt(states.shape[1])
    special = states.shape[1] - side * side
    if special not in (0, 1, 5):
        raise RecipeError(
            f"fusion: {asker} with boxes: grid needs a square grid of states a picture, found {states.shape[1]} states"
        )
    steps = torch.arange(side, dtype=states.dtype, device=states.device) / side
    top, left = torch.meshgrid(steps, steps, indexing="ij")
    corners = torch.stack([left, top, left + 1 / side, top + 1 / side], dim=-1)
    whole = corners.new_tensor([0.0, 0.0, 1.0, 1.0]).expand(special, -1)
    return torch.cat([whole, corners.reshape(-1, BOX)]).expand(len(states), -1, -1)


def locations(boxes: Tensor) -> Tensor:
    """Boxes (..., 4) with their area as the fifth number."""
    left, top, right, bottom = boxes.unbind(dim=-1)
    return torch.cat([boxes, ((right - left) * (bottom - top)).unsqueeze(-1)], dim=-1)


def overlaps(boxes: Tensor) -> Tensor:
    """The area that two boxes (..., time, 4) share, by that which either covers (intersection over union): (..., time, time)."""
    one, other = boxes.unsqueeze(-2), boxes.unsqueeze(-3)
    sides = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    area = locations(boxes)[..., BOX]
    either = area.unsqueeze(-1) + area.unsqueeze(-2) - shared
    return shared / either.clamp(min=1e-12)
