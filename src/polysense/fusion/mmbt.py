"""The text's own Transformer over the words and, as further tokens, the states of another modality."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from polysense.errors import RecipeError
from polysense.fusion.borrowed import borrowed, first_place, two_modalities
from polysense.fusion.fusion import Fusion, Placeholders, any_present
from polysense.types import Apart, Encoded, Widths, as_given


class Mmbt(Fusion):
    """``Transformer([w_1 ... w_n ; W v_1 + b ... W v_k + b])``: the other modality's states as soft tokens in the text's stream.

    The network is the text encoder's, with ``tokens: embedded``; any of the BERT kind. Soft tokens count their places anew from the
    first one, and are of the second segment where the network has two. A row without text has a learned token in its place; soft
    tokens that are not there are masked. By itself, the text is a pass of its own through the same network, and the other modality
    what its encoder gave.

    Source: Kiela et al. 2019 (MMBT), as a base model in Findings of EACL 2024. There one averaged state of a ResNet is the picture's
    token (``tokens: pooled`` of the image encoder), and stands before the text.

    Args:
        widths: width of each modality; supplied by the build. The text and one other.
        pooling: of the stream's states: ``mean`` over the real ones, ``cls_before_pooler`` the first, ``cls`` the first through
            ``tanh(W h + b)`` of its own, ``pooler`` the first through the network's: with the weights of the checkpoint, where it has
            them (transformers tells of those that it has not).
    """

    text_first = True

    def __init__(self, widths: Widths, *, pooling: Literal["mean", "cls", "cls_before_pooler", "pooler"] = "mean") -> None:
        super().__init__()
        self.other = two_modalities("Mmbt", widths)
        self.width = widths["text"]
        self.soft = nn.Linear(widths[self.other], self.width)
        self.placeholders = Placeholders({"text": self.width})
        self.head = nn.Linear(self.width, self.width) if pooling == "cls" else None
        self.pooling = pooling
        self._network: list[Any] = []  # in a list, for it is the encoder's: no module of this one

    def borrow(self, networks: Mapping[str, nn.Module]) -> None:
        """The text encoder's network, which must take embedded tokens and their places."""
        network = borrowed("Mmbt", networks, taking=("inputs_embeds", "position_ids", "attention_mask"))
        if self.pooling == "pooler" and getattr(network, "pooler", None) is None:
            raise RecipeError(f"fusion: Mmbt, pooling: pooler: a {type(network).__name__} has none; write pooling: cls")
        self._network = [network]

    def apart(self, parts: Mapping[str, Encoded]) -> Mapping[str, Encoded]:
        """The text through the network without the other modality; that one as it is."""
        return Apart(parts, lambda name, part: self._stream({name: part}) if name == "text" else part)

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """One pass over both."""
        return self._stream(as_given(parts))

    def _stream(self, parts: Mapping[str, Encoded]) -> Encoded:
        network = self._network[0]
        words, mask = self.placeholders.masked_states("text", parts)
        places = torch.arange(words.shape[1], device=words.device)
        # A second text (``beside``, the words in a picture) is of the second segment, as in the pairs that the network has learned to
        # read; so is the picture.
        second = parts["text"].marks.get("segment") if "text" in parts else None
        segments = torch.zeros(words.shape[:2], dtype=torch.int64, device=words.device) if second is None else second
        if self.other in parts:
            part = parts[self.other]
            words = torch.cat([words, self.soft(part.states).to(words.dtype)], dim=1)
            mask = torch.cat([mask, part.mask & part.present.unsqueeze(1)], dim=1)
            own = torch.arange(part.states.shape[1], device=words.device)
            places = torch.cat([places, own])
            segments = torch.cat([segments, torch.ones_like(own).expand(len(words), -1)], dim=1)
        named = {"token_type_ids": segments} if _has_segments(network) else {}
        places = (places + first_place(network)).expand(len(words), -1)
        output = network(inputs_embeds=words, attention_mask=mask.long(), position_ids=places, **named)
        states: Tensor = output.last_hidden_state
        summary = output.pooler_output if self.pooling == "pooler" else self._pooled(states, mask)
        return Encoded(states, mask, summary, any_present(parts))

    def _pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        if self.pooling == "mean":
            weights = mask.unsqueeze(-1).to(states.dtype)
            return (states * weights).sum(dim=1) / weights.sum(dim=1)
        return states[:, 0] if self.head is None else torch.tanh(self.head(states[:, 0]))


def _has_segments(network: Any) -> bool:
    return (
        getattr(network.config, "type_vocab_size", 0) > 1 and "token_type_ids" in inspect.signature(network.forward).parameters
    )
