"""Regions of pictures hidden, for a model to recover."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from polysense.boxes import BOX, overlaps
from polysense.errors import RecipeError
from polysense.types import MARK, Batch, Fields
from polysense.views.view import Shown, View


@dataclass(frozen=True)
class HiddenRegions(View):
    """About ``share`` of each picture's regions are marked as hidden; a fusion that reads the mark shows zeros in their places.

    Regions with boxes: round(share * t) of them, at least one, are drawn, and every region that overlaps one of these by more than
    ``overlap`` (intersection over union) is hidden too, so that nothing of a hidden one can be copied. Cells of a grid do not
    overlap, but what they have seen does: blocks of ``block`` x ``block`` cells, smaller ones of a
    coarse grid, are hidden until ``share`` of them are.
    Targets: ``hidden`` (batch, time) bool, over the regions.
    A class token is refused: it has seen all cells.
    Source: UNIMO (ACL 2021), masked region modelling; blocks of a grid are ours.
    """

    states_of = "image"

    boxes: bool
    """Whether the last four numbers of a region are its box; else the regions are the cells of a square grid."""
    share: float = 0.15
    overlap: float = 0.4
    block: int = 2

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """Draw, and mark."""
        part = batch.parts["image"]
        states, real = regions_of(part)
        real = real & part["present"].unsqueeze(1)
        hidden = self._boxes(states[..., -BOX:], real, draw) if self.boxes else self._blocks(real, draw)
        shown = {**batch.parts, "image": {**part, f"{MARK}hidden": hidden}}
        return Shown(Batch(parts=shown, fields=batch.fields), targets={"hidden": hidden})

    def _boxes(self, boxes: Tensor, real: Tensor, draw: torch.Generator) -> Tensor:
        count = real.sum(dim=1)
        anchors = (self.share * count).round().clamp(min=1)
        order = torch.rand(real.shape, generator=draw).to(real.device).masked_fill(~real, 2.0).argsort(dim=1).argsort(dim=1)
        anchor = (order < anchors.unsqueeze(1)) & real
        near = (overlaps(boxes) > self.overlap) & anchor.unsqueeze(1)
        return (anchor | near.any(dim=2)) & real

    def _blocks(self, real: Tensor, draw: torch.Generator) -> Tensor:
        rows, time = real.shape
        side = math.isqrt(time)
        if time != side * side:
            raise RecipeError(
                f"MaskedRegion: of {time} states a picture some are no cells, such as a class token, and have seen what is hidden: "
                f"write encoders.image.cells: {side}"
            )
        budget = math.ceil(self.share * side * side)
        size = min(self.block, side, round(math.sqrt(budget)))
        hidden = torch.zeros(rows, side, side, dtype=torch.bool)
        for row in range(rows):
            for corner in torch.randperm((side - size + 1) ** 2, generator=draw).tolist():
                top, left = divmod(corner, side - size + 1)
                hidden[row, top : top + size, left : left + size] = True
                if int(hidden[row].sum()) >= budget:
                    break
        return hidden.flatten(1).to(real.device) & real


def regions_of(part: Fields) -> tuple[Tensor, Tensor]:
    """The regions (batch, time, numbers) of a picture's part as they come from its encoder, and which are real.

    Raises:
        RecipeError: the encoder is trained.
    """
    if "states" not in part:
        raise RecipeError("MaskedRegion recovers what a frozen encoder gives: write encoders.image.trainable: false")
    return part["states"], part["mask"].bool()
