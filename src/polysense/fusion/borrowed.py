"""What the fusions that run the text encoder's network have in common."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from polysense.errors import RecipeError
from polysense.types import Widths


def two_modalities(kind: str, widths: Widths) -> str:
    """The modality beside the text.

    Raises:
        RecipeError: there is no text, or not exactly one other modality.
    """
    if "text" not in widths or len(widths) != 2:
        raise RecipeError(f"fusion: {kind} joins text and one other modality, the recipe has {', '.join(widths)}")
    (other,) = (name for name in widths if name != "text")
    return other


def borrowed(kind: str, networks: Mapping[str, nn.Module], *, taking: Collection[str] = ()) -> nn.Module:
    """The text encoder's network, which must be one that takes arguments of these names, as those of the BERT kind do.

    Raises:
        RecipeError: the encoder runs it itself, or it does not take them.
    """
    if "text" not in networks:
        raise RecipeError(f"fusion: {kind} runs the text encoder's network: write encoders.text.tokens: embedded")
    network = networks["text"]
    if not set(taking) <= set(inspect.signature(network.forward).parameters):
        raise RecipeError(f"fusion: {kind} cannot run a {type(network).__name__}, only networks of the BERT kind")
    return network


def additive(mask: Tensor, states: Tensor) -> Tensor:
    """A mask (batch, time) as what is added to attention scores, (batch, 1, 1, time): 0 or the lowest number."""
    lowest = torch.finfo(states.dtype).min
    return torch.zeros(mask.shape, dtype=states.dtype, device=mask.device).masked_fill(~mask, lowest)[:, None, None, :]


def first_place(network: Any) -> int:
    """The place of a text's first token: RoBERTa and its kin count from behind the padding token's number."""
    table = getattr(getattr(network, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return 0 if padding is None else int(padding) + 1
