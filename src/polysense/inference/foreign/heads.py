"""The heads that MCSE saves beside its text encoder, in ``mcse.pt``: what takes a sentence and a picture's vector into one space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from polysense.errors import PolysenseError, display

FILE = "mcse.pt"
LAYERS = {"text": ("grounding", "dense"), "image": ("visn_model", "mlp.dense")}
"""Ours to theirs: the part of the file, and the linear layer in it, behind which tanh stands."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The linear layers of :class:`polysense.objectives.grounding.Grounding`: ``weight`` (shared width, width) and ``bias``."""

    text: Mapping[str, Tensor]
    image: Mapping[str, Tensor]

    @property
    def shared_width(self) -> int:
        """Of the space."""
        return int(self.image["weight"].shape[0])

    @property
    def image_width(self) -> int:
        """Of a picture's vector, which another network computed."""
        return int(self.image["weight"].shape[1])


def read_heads(folder: Path, *, text_width: int) -> Heads:
    """The heads in ``folder``, read as tensors and nothing else.

    Raises:
        PolysenseError: the file is damaged, holds more than tensors, or heads of another shape.
    """
    file = folder / FILE
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, UnpicklingError, EOFError) as error:
        raise PolysenseError(f"{display(file)} cannot be read: {' '.join(str(error).split())[:200]}") from error
    heads = Heads(**{ours: _layer(state, part, layer, file) for ours, (part, layer) in LAYERS.items()})
    shapes = [tuple(tensor.shape) for layer in (heads.text, heads.image) for tensor in (layer["weight"], layer["bias"])]
    shared = heads.shared_width
    if shapes != [(shared, text_width), (shared,), (shared, heads.image_width), (shared,)]:
        raise PolysenseError(f"{display(file)}: its layers {shapes} do not fit a text encoder of width {text_width}")
    return heads


def _layer(state: object, part: str, layer: str, file: Path) -> dict[str, Tensor]:
    found = state.get(part) if isinstance(state, dict) else None
    tensors = {kind: found.get(f"{layer}.{kind}") if isinstance(found, dict) else None for kind in ("weight", "bias")}
    for kind, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or tensor.dim() != (2 if kind == "weight" else 1):
            raise PolysenseError(f"{display(file)} has no {part}/{layer}.{kind}: these are not the heads of MCSE")
    return {kind: tensor.float() for kind, tensor in tensors.items() if isinstance(tensor, Tensor)}
