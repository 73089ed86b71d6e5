"""Fusion in which the text attends to the tokens of another modality."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from polysense.errors import RecipeError, choices
from polysense.fusion.fusion import Fusion, Placeholders, any_present, single_state
from polysense.types import Encoded, Widths


class CrossAttention(Fusion):
    """``ReLU(W [q ; softmax(q K^T / sqrt(d)) V])``: one head, one query (the asking modality's summary).

    Only the single query row is computed; padding of the asking modality never matters, the mask of the answering one is
    honoured. Source: Findings of EACL 2024, Ber-ViT-Att.

    Args:
        widths: width of each modality; supplied by the build. Exactly two.
        query: the asking modality.
        width: width of the result; the asking modality's by default.
    """

    def __init__(self, widths: Widths, *, query: str = "text", width: int | None = None) -> None:
        super().__init__()
        if query not in widths:
            raise RecipeError(f"fusion.query: no encoder for {query!r}; {choices(query, widths)}")
        if len(widths) != 2:
            raise RecipeError(f"fusion: CrossAttention joins two modalities, the recipe has {', '.join(widths)}")
        self.asking = query
        (self.answering,) = (name for name in widths if name != query)
        inner = widths[query]
        self.width = width or inner
        self.ask = nn.Linear(inner, inner)
        self.key = nn.Linear(widths[self.answering], inner)
        self.value = nn.Linear(widths[self.answering], inner)
        self.placeholders = Placeholders({query: inner, self.answering: inner})
        self.mix = nn.Linear(2 * inner, self.width)

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Attend, concatenate, mix, ReLU."""
        own = self.placeholders.summary(self.asking, parts)
        if self.answering in parts:
            part = parts[self.answering]
            attended = Encoded(part.states, part.mask, self._attend(own, part), part.present)
            seen = self.placeholders.summary(self.answering, {self.answering: attended})
        else:
            seen = self.placeholders.summary(self.answering, parts)
        joined = torch.cat([own, seen], dim=-1)
        return single_state(torch.relu(self.mix(joined)), any_present(parts))

    def _attend(self, own: Tensor, part: Encoded) -> Tensor:
        query = self.ask(own).unsqueeze(1)
        mask = part.mask | ~part.present.unsqueeze(1)
        key, value = self.key(part.states), self.value(part.states)
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask.unsqueeze(1))
        return attended.squeeze(1)
