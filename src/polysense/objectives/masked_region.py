"""Masked region modelling."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, log_softmax

from polysense.distributed import everywhere, mean
from polysense.errors import RecipeError
from polysense.fusion.single_stream import SingleStream
from polysense.objectives.objective import Look, Objective
from polysense.types import Widths
from polysense.views.hidden_regions import HiddenRegions, regions_of


class MaskedRegion(Objective):
    """Recover hidden regions of a picture from those around them, and from its text where there is one.

    ``loss = mean over hidden regions of |W h - norm(v)|^2 / D  +  mean of - sum_c p_c log softmax(U h)_c``; v are the D features of a
    region and norm their LayerNorm without parameters, p the detector's probabilities, without which the second term is not there.
    Reads: image.   Source: UNIMO (ACL 2021), section 3.3; norm is ours.   Relations: wants the fusion ``SingleStream`` and regions
    that do not change: those of a frozen image encoder, or from files (``SequenceFrames`` of ``image``).

    Args:
        widths: supplied by the build.
        share: of a picture's regions that are hidden, above 0 and below 1.
        overlap: regions that overlap a hidden one by more than this (intersection over union) are hidden too.
        block: side of the blocks of cells that are hidden, of a grid.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"image"})

    def __init__(self, widths: Widths, *, share: float = 0.15, overlap: float = 0.4, block: int = 2) -> None:
        super().__init__()
        if not 0 < share < 1 or not 0 < overlap <= 1 or block < 1:
            raise RecipeError("MaskedRegion: share and overlap lie between 0 and 1, block from 1 up")
        if "region.features" not in widths:
            raise RecipeError(
                "MaskedRegion recovers the regions that SingleStream reads: take that fusion, with an image encoder"
            )
        self.share, self.overlap, self.block = share, overlap, block
        self.features = widths["region.features"]
        self.classes = widths["region.classes"]
        self.regress = nn.Linear(widths["fused"], self.features)
        self.classify = nn.Linear(widths["fused"], self.classes) if self.classes else None

    def forward(self, look: Look) -> Tensor | None:
        """The mean over the hidden regions; None where no row has a picture."""
        stream = look.fusion
        assert isinstance(stream, SingleStream)
        view = HiddenRegions(stream.boxes == "states", share=self.share, overlap=self.overlap, block=self.block)
        shown, seen = look(view)
        hidden = shown.targets["hidden"]
        if everywhere(not bool(hidden.any())):
            return None
        states = seen.fused.states[:, -hidden.shape[1] :][hidden]
        regions = regions_of(shown.batch.parts["image"])[0][hidden]
        error = self.regress(states).float() - layer_norm(regions[:, : self.features].float(), (self.features,))
        parts = {"features": mean(error.square().mean(dim=1))}
        if self.classify is not None:
            parts["classes"] = mean(
                class_error(self.classify(states), regions[:, self.features : self.features + self.classes])
            )
        self.parts = {name: part.detach() for name, part in parts.items()} if len(parts) > 1 else {}
        return torch.stack(list(parts.values())).sum()


def class_error(logits: Tensor, chances: Tensor) -> Tensor:
    """``- sum_c p_c log softmax(logits)_c`` (rows,) of logits and chances p (rows, classes)."""
    return -(chances.float() * log_softmax(logits.float(), dim=1)).sum(dim=1)
