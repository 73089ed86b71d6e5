"""Texts of different lengths through a Transformer without padding.

All tokens of a batch stand in one row, the shortest text first, so that layers see real tokens alone; attention goes by texts of one
length, which need no mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from polysense.encoders.quick_dropout import factors

ATTENTION = "polysense_packed"
"""The name that the attention between packed tokens is registered by."""

CLOSE = {torch.float32: 1e-4, torch.float64: 1e-6}
"""How far a network's states may be from those of padded texts, times their largest; other precisions are not packed."""


class Packing:
    """Where the tokens of a batch stand when they are packed.

    Args:
        mask: (texts, time), which tokens are real; each text's stand at its begin.
    """

    def __init__(self, mask: Tensor) -> None:
        lengths = mask.sum(dim=1)
        order = torch.argsort(lengths, stable=True)
        ordered = lengths[order]
        begins = torch.cumsum(ordered, dim=0) - ordered
        self.rows = torch.repeat_interleave(order, ordered)
        """(tokens,) the text that each token is of."""
        self.places = torch.arange(len(self.rows), device=mask.device) - torch.repeat_interleave(begins, ordered)
        """(tokens,) where in its text it stands."""
        self.shape = tuple(mask.shape)
        found, counts = torch.unique_consecutive(ordered, return_counts=True)
        self.groups = [(int(texts), int(length)) for texts, length in zip(counts, found, strict=True) if length]
        """How many texts there are of each length, and the length."""

    def pack(self, tokens: Tensor) -> Tensor:
        """(texts, time, ...) -> (1, tokens, ...)."""
        return tokens[self.rows, self.places].unsqueeze(0)

    def unpack(self, states: Tensor) -> Tensor:
        """(1, tokens, width) -> (texts, time, width), zeros on padding."""
        texts, time = self.shape
        padded = states.new_zeros(texts * time, states.shape[-1])
        return padded.index_copy(0, self.rows * time + self.places, states[0]).view(texts, time, -1)


def run_packed(
    backbone: PreTrainedModel, packing: Packing, *, first: int, tokens: Mapping[str, Tensor], hidden_states: bool = False
) -> Any:
    """What the network gives for ``tokens``: its output, states being (1, tokens, width).

    Args:
        backbone: one that has a :func:`first_position`.
        packing: of the texts' mask.
        first: the position of a text's first token.
        tokens: what the network is given, each (texts, time, ...); the mask is left out.
        hidden_states: also those of its inner layers, which are kept in memory for it.
    """
    config = backbone.config
    usual = config._attn_implementation
    config._attn_implementation = ATTENTION
    try:
        return backbone(
            **{name: packing.pack(one) for name, one in tokens.items() if name != "attention_mask"},
            position_ids=packing.places.unsqueeze(0) + first,
            output_hidden_states=hidden_states,
            packed_texts=packing.groups,
        )
    finally:
        config._attn_implementation = usual


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packed_texts: list[tuple[int, int]],
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Each text's attention to itself; (1, heads, tokens, width of a head) -> (1, tokens, heads, width of a head).

    Raises TypeError for a layer whose tokens see their neighbours alone (ModernBERT): that is a mask, and there is none here.
    """
    del attention_mask
    if sliding_window is not None:
        raise TypeError("attention within a window cannot be packed")
    heads, width = query.shape[1], query.shape[3]
    by_text = [one[0].transpose(0, 1) for one in (query, key, value)]
    split = [torch.split(one, [texts * length for texts, length in packed_texts]) for one in by_text]
    grouped = [
        [part.reshape(texts, length, heads, width).transpose(1, 2) for part in parts]
        for (texts, length), *parts in zip(packed_texts, *split, strict=True)
    ]
    if module.training and dropout:
        scale = width**-0.5 if scaling is None else scaling
        counts = [texts * heads * length**2 for texts, length in packed_texts]
        drops = torch.split(factors(sum(counts), dropout, value.dtype), counts)
        seen = [_attend_dropping(*parts, drops=one, scale=scale) for parts, one in zip(grouped, drops, strict=True)]
    else:
        seen = [scaled_dot_product_attention(q, k, v, scale=scaling) for q, k, v in grouped]
    return torch.cat([one.transpose(1, 2).reshape(-1, heads, width) for one in seen]).unsqueeze(0), None


def _attend_dropping(query: Tensor, key: Tensor, value: Tensor, *, drops: Tensor, scale: float) -> Tensor:
    """Attention whose weights are multiplied by ``drops``; torch's own draws them one by one, and in bfloat16 it works in float32."""
    scores = query * scale @ key.transpose(-1, -2)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype)
    return weights * drops.view(weights.shape) @ value


AttentionInterface.register(ATTENTION, attend)


@torch.no_grad()
def first_position(backbone: PreTrainedModel) -> int | None:
    """The position that the network gives a text's first token; None where it cannot be packed.

    Two short texts are read padded and packed: networks of the BERT kind number positions from 0, those of the RoBERTa kind behind
    the padding's id; those whose attention is their own (DeBERTa, MPNet, T5) give something else, and those that look no further than
    a window (ModernBERT) are refused by :func:`attend`, for short texts would not show it.
    """
    config = backbone.config
    weights = next(backbone.parameters())
    if not backbone._supports_attention_backend or weights.dtype not in CLOSE or getattr(config, "is_decoder", False):
        return None
    padding = int(getattr(config, "pad_token_id", None) or 0)
    ids = (torch.arange(8, device=weights.device).reshape(2, 4) + padding + 1) % int(config.vocab_size)
    mask = torch.ones_like(ids)
    ids[1, 3], mask[1, 3] = padding, 0
    training = backbone.training
    backbone.train(False)
    try:
        expected = backbone(input_ids=ids, attention_mask=mask).last_hidden_state * mask.unsqueeze(-1)
        packing = Packing(mask)
        for first in (0, padding + 1):
            found = packing.unpack(run_packed(backbone, packing, first=first, tokens={"input_ids": ids}).last_hidden_state)
            if (found - expected).abs().max() <= CLOSE[weights.dtype] * expected.abs().max():
                return first
    except (TypeError, ValueError, RuntimeError, IndexError):  # what it is given, or its positions, are of another kind
        return None
    finally:
        backbone.train(training)
    return None
