"""ViLT: words and patches of a picture in one Transformer, from the first layer on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import ViltModel

from polysense.errors import RecipeError
from polysense.fusion.borrowed import additive, borrowed
from polysense.fusion.fusion import Fusion, Placeholders, any_present
from polysense.types import Apart, Encoded, Widths, as_given


class Vilt(Fusion):
    """``LayerNorm(Transformer([w + e_0 ; v + e_1]))``, summed up by its first state; e are the network's types of modality.

    The network is the text encoder's, ``pretrained`` from a ViLT (``dandelin/vilt-b32-mlm``) with ``tokens: embedded``; the image
    encoder is a ``ViltPatches``. A row without text has a learned token in its place, patches that are not there are masked. By
    itself, text or picture is a pass of its own through the same network.

    Source: Kim et al. 2021 (ViLT), as a base model in Findings of EACL 2024.

    Args:
        widths: width of text and picture, which must be the network's; supplied by the build.
    """

    text_first = True

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        if set(widths) != {"text", "image"}:
            raise RecipeError(f"fusion: Vilt joins text and image, the recipe has {', '.join(widths)}")
        if widths["text"] != widths["image"]:
            raise RecipeError(
                f"fusion: Vilt needs text and patches of one width, found {widths['text']} and {widths['image']}; take "
                "encoders.image ViltPatches, pretrained from what the text encoder is"
            )
        self.width = widths["text"]
        self.placeholders = Placeholders({"text": self.width})
        self._network: list[ViltModel] = []  # in a list, for it is the encoder's: no module of this one

    def borrow(self, networks: Mapping[str, nn.Module]) -> None:
        """The text encoder's network, which must be a ViLT."""
        network = borrowed("Vilt", networks)
        if not isinstance(network, ViltModel):
            raise RecipeError(f"fusion: Vilt runs a ViltModel, the text encoder is a {type(network).__name__}")
        self._network = [network]

    def apart(self, parts: Mapping[str, Encoded]) -> Mapping[str, Encoded]:
        """Each through the network without the other one."""
        return Apart(parts, lambda name, part: self._stream(self._tokens(name, {name: part}), part.present))

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """One pass over both."""
        given = as_given(parts)
        words, mask = self._tokens("text", given)
        if "image" in given:
            patches, there = self._tokens("image", given)
            words, mask = torch.cat([words, patches], dim=1), torch.cat([mask, there], dim=1)
        return self._stream((words, mask), any_present(given))

    def _tokens(self, name: str, parts: Mapping[str, Encoded]) -> tuple[Tensor, Tensor]:
        """What the stream reads of a modality, and the mask."""
        embeddings: Any = self._network[0].embeddings
        if name == "text":
            words, mask = self.placeholders.masked_states("text", parts)
            # A second text (``beside``) is of the first segment, too: ViLT was pre-trained on one text, its second never learned.
            states, kind = embeddings.text_embeddings(inputs_embeds=words), 0
        else:
            part = parts[name]
            states, mask, kind = part.states, part.mask & part.present.unsqueeze(1), 1
        return states + embeddings.token_type_embeddings.weight[kind].to(states.dtype), mask

    def _stream(self, tokens: tuple[Tensor, Tensor], present: Tensor) -> Encoded:
        network: Any = self._network[0]
        states, mask = tokens
        states = network.encoder(states, attention_mask=additive(mask, states), return_dict=True).last_hidden_state
        states = network.layernorm(states)
        return Encoded(states, mask, states[:, 0], present)
