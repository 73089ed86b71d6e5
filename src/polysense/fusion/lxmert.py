"""LXMERT: a stack of layers over the words, one over the regions of a picture, then layers in which each attends to the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import LxmertModel

from polysense.boxes import BOX, grid_boxes
from polysense.data.regions import RegionLayout
from polysense.errors import RecipeError
from polysense.fusion.borrowed import additive, borrowed, two_modalities
from polysense.fusion.fusion import Fusion, Placeholders, any_present
from polysense.types import Apart, Encoded, Widths, as_given


class Lxmert(Fusion):
    """``ReLU(W l_0 + b)``, l_0 the first state of the language stream after the cross-modality layers.

    The network is the text encoder's, ``pretrained`` from an LXMERT (``unc-nlp/lxmert-base-uncased``) with ``tokens: embedded``.
    By itself, text or picture is what the layers before the first cross layer make of it; its largest numbers over time are the
    summary. A row that lacks one of them has a learned token, or region, in its place.

    Source: Tan and Bansal 2019 (LXMERT), as a base model in Findings of EACL 2024.

    Args:
        widths: width of text and picture; supplied by the build.
        boxes: ``grid`` takes the picture's states for the cells of a square grid, row by row (``VisionImage`` with ``tokens: grid``);
            ``states`` reads the box of each region from the last four numbers of its state (``SequenceFrames`` of ``image``).
        features: ``new`` reads them by a layer that starts from nothing, ``pretrained`` by the network's own, for which they must be of
            its kind: 2,048 numbers a region, from the detector that it was trained with.
        dropout: before the last layer.
    """

    def __init__(
        self,
        widths: Widths,
        *,
        boxes: Literal["grid", "states"] = "grid",
        features: Literal["new", "pretrained"] = "new",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.other = two_modalities("Lxmert", widths)
        self.width = widths["text"]
        self.boxes = boxes
        self.layout = RegionLayout() if boxes == "states" else None
        self.features = widths[self.other] - (BOX if boxes == "states" else 0)
        if self.features < 1:
            raise RecipeError(
                f"fusion: Lxmert with boxes: states needs more than {BOX} numbers a region, found {widths[self.other]}"
            )
        self.read = nn.Linear(self.features, self.width) if features == "new" else None
        self.placeholders = Placeholders({"text": self.width, self.other: self.width})
        self.mix = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.width, self.width))
        self._network: list[LxmertModel] = []  # in a list, for it is the encoder's: no module of this one

    def borrow(self, networks: Mapping[str, nn.Module]) -> None:
        """The text encoder's network, which must be an LXMERT."""
        network = borrowed("Lxmert", networks)
        if not isinstance(network, LxmertModel):
            raise RecipeError(f"fusion: Lxmert runs an LxmertModel, the text encoder is a {type(network).__name__}")
        expected = int(network.config.visual_feat_dim)
        if self.read is None and self.features != expected:
            raise RecipeError(
                f"fusion: Lxmert, features: pretrained reads {expected} numbers a region, found {self.features}; write features: new"
            )
        self._network = [network]

    def apart(self, parts: Mapping[str, Encoded]) -> Mapping[str, Encoded]:
        """Each through the layers before the first cross layer."""
        return Apart(parts, lambda name, part: self._tower(name, {name: part}))

    def widths_apart(self, widths: Widths) -> Widths:
        """The network's width, of both."""
        return dict.fromkeys(widths, self.width)

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """The cross-modality layers over both, and the last layer."""
        if not isinstance(parts, Apart):
            parts = self.apart(parts)
        given = as_given(parts)
        text, other = (parts[name] if name in parts else self._tower(name, given) for name in ("text", self.other))
        encoder: Any = self._network[0].encoder
        states, seen = text.states, other.states
        for layer in encoder.x_layers:
            states, seen = layer(states, additive(text.mask, states), seen, additive(other.mask, seen))[:2]
        return Encoded(states, text.mask, torch.relu(self.mix(states[:, 0])), any_present(given))

    def _tower(self, name: str, parts: Mapping[str, Encoded]) -> Encoded:
        """A modality through its own layers; rows that lack it have the placeholder as the one state."""
        network: Any = self._network[0]
        if name == "text":
            words, mask = self.placeholders.masked_states(name, parts)
            # A second text (``beside``) is of the first segment, too: LXMERT was pre-trained on one text, its second never learned.
            segments = torch.zeros(words.shape[:2], dtype=torch.int64, device=words.device)
            states, layers = network.embeddings(None, segments, words), network.encoder.layer
        else:
            regions = {key: _with_states(part, self._regions(part.states)) for key, part in parts.items() if key == name}
            states, mask = self.placeholders.masked_states(name, regions or parts)
            layers = network.encoder.r_layers
        for layer in layers:
            states = layer(states, additive(mask, states))[0]
        largest = states.masked_fill(~mask.unsqueeze(-1), -math.inf).amax(dim=1)
        return Encoded(states, mask, largest, parts[name].present if name in parts else mask[:, 0])

    def _regions(self, states: Tensor) -> Tensor:
        """Features and boxes as the network joins them, (batch, regions, width)."""
        reader: Any = self._network[0].encoder.visn_fc
        boxes = states[..., self.features :] if self.boxes == "states" else grid_boxes(states, "Lxmert")
        features = states[..., : self.features]
        read = reader.visn_fc(features) if self.read is None else self.read(features)
        joined = (reader.visn_layer_norm(read) + reader.box_layer_norm(reader.box_fc(boxes))) / 2
        found: Tensor = reader.dropout(joined)
        return found


def _with_states(part: Encoded, states: Tensor) -> Encoded:
    return Encoded(states, part.mask, part.summary, part.present)
