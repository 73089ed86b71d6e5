"""UNIMO's one Transformer: regions of a picture and words of a text in a single stream, or either alone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from polysense.boxes import BOX, grid_boxes, locations
from polysense.data.regions import RegionLayout
from polysense.errors import RecipeError
from polysense.fusion.borrowed import borrowed, first_place
from polysense.fusion.fusion import Fusion
from polysense.types import Apart, Encoded, Widths, as_given

WHOLE = (0.0, 0.0, 1.0, 1.0, 1.0)
"""Where the picture as a whole lies."""


class Tokens(NamedTuple):
    """What the stream reads of some rows, before the first layer."""

    states: Tensor
    """(batch, time, width)"""
    real: Tensor
    """(batch, time) bool: False on padding and on a modality that the row lacks."""
    target: Tensor | None
    """(batch, time) bool: tokens that are written one after another; None where there is none."""


class SingleStream(Fusion):
    """``Transformer([w_1 ... w_n ; IMG v_1 ... v_t])``; e_v = LN(W v + U (x1, y1, x2, y2, area)), IMG is read of the regions' mean.

    The network is the text encoder's, with ``tokens: embedded``: BERT, RoBERTa and their kin. Every token of the source reads every
    other one; a token that a view marks as ``target`` reads the source and the targets before it, and no source token reads it. A
    region that is marked as ``hidden`` is read as zeros in its place, and IMG as the mean of the others.

    By itself a modality is a pass of its own through the same network (two towers): the text's summary is its first state, the
    picture's that of IMG. Together they are ``joint.text`` and ``joint.image`` of ``Encoded.codes``. Fused states are those of the text
    first, then IMG, then the regions, whichever stand before the network in the paper: places are given to it, not counted.

    Source: UNIMO (ACL 2021), section 3.1. A row that lacks a modality has no token in its place.

    Args:
        widths: width of each modality; supplied by the build. Text, and image or not.
        boxes: ``grid`` takes the picture's states for the cells of a square grid, row by row (``VisionImage`` with ``tokens: grid``);
            ``states`` reads the box of each region from the last four numbers of its state (``SequenceFrames`` of ``image``).
        classes: how many numbers before the box are the detector's probabilities of classes; they are guessed, not read. Numbers that
            are no probabilities are refused when they are read (``SequenceFrames``).
        pooling: the summary of a row: ``sum`` or ``product`` of p_t and p_v, which are ``ReLU(W h + b)`` of the text's first state and
            of IMG, or the one that there is; ``mean`` over all states.
        dropout: behind the LayerNorm of regions.
        piece_rows: rows of a batch are sorted by their texts' lengths and run in pieces of so many, each as long as its longest.
    """

    text_first = True

    def __init__(
        self,
        widths: Widths,
        *,
        boxes: Literal["grid", "states"] = "grid",
        classes: int = 0,
        pooling: Literal["sum", "product", "mean"] = "sum",
        dropout: float = 0.1,
        piece_rows: int = 32,
    ) -> None:
        super().__init__()
        if "text" not in widths or not set(widths) <= {"text", "image"}:
            raise RecipeError(f"fusion: SingleStream reads text, and image or not; the recipe has {', '.join(widths)}")
        if classes < 0 or (classes and boxes == "grid"):
            raise RecipeError("fusion: SingleStream.classes are a part of the states of regions, with boxes: states; from 0 up")
        self.width = widths["text"]
        self.boxes, self.classes, self.pooling, self.piece_rows = boxes, classes, pooling, piece_rows
        self.heads = nn.ModuleDict({name: nn.Linear(self.width, self.width) for name in widths if pooling != "mean"})
        self.features = 0
        self.layout = RegionLayout(classes) if boxes == "states" else None
        if "image" in widths:
            self.features = widths["image"] - (BOX + classes if boxes == "states" else 0)
            if self.features < 1:
                raise RecipeError(
                    f"fusion: SingleStream needs more than {BOX + classes} numbers a region: features, probabilities of classes "
                    f"and the box; found {widths['image']}"
                )
            self.read = nn.Linear(self.features, self.width)
            self.locate = nn.Linear(BOX + 1, self.width)
            self.norm = nn.LayerNorm(self.width)
            self.drop = nn.Dropout(dropout)
            self.codes = {"joint.text": self.width, "joint.image": self.width}
            self.sizes = {"region.features": self.features, "region.classes": classes}
        self._network: list[Any] = []  # in a list, for it is the encoder's: no module of this one

    def borrow(self, networks: Mapping[str, nn.Module]) -> None:
        """The text encoder's network, which must have embeddings and layers of the BERT kind."""
        network: Any = borrowed("SingleStream", networks, taking=("inputs_embeds", "position_ids", "attention_mask"))
        parts = dict(network.named_children())
        if not {"embeddings", "encoder"} <= set(parts) or not {"inputs_embeds", "position_ids"} <= set(
            inspect.signature(parts["embeddings"].forward).parameters
        ):
            raise RecipeError(f"fusion: SingleStream cannot run a {type(network).__name__}, only networks of the BERT kind")
        self._network = [network]

    def widths_apart(self, widths: Widths) -> Widths:
        """All are the network's."""
        return dict.fromkeys(widths, self.width)

    def apart(self, parts: Mapping[str, Encoded]) -> Mapping[str, Encoded]:
        """Each through the network without the other one."""
        return Apart(parts, self._alone)

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """One pass over both; of one modality its own pass."""
        given = as_given(parts)
        if len(given) == 1:
            ((name, found),) = parts.items()
            summary = self._pooled({name: found.summary}, found, {name: found.present})
            return Encoded(found.states, found.mask, summary, found.present)
        there = {name: part.present for name, part in given.items()}
        text, image = self.text_tokens(given["text"]), self.image_tokens(given["image"])
        states = self._run(text, image)
        real = torch.cat([text.real, image.real], dim=1)
        codes = {"joint.text": states[:, 0], "joint.image": states[:, text.states.shape[1]]}
        firsts = {name: codes[f"joint.{name}"] for name in given}
        found = Encoded(states, real, states[:, 0], there["text"] | there["image"], codes)
        return Encoded(states, real, self._pooled(firsts, found, there), found.present, codes)

    def text_tokens(self, part: Encoded) -> Tokens:
        """The embedded words, each at its place in the text."""
        network, words = self._network[0], part.states
        places = part.marks.get("place", torch.arange(words.shape[1], device=words.device).expand(words.shape[:2]))
        states: Tensor = network.embeddings(inputs_embeds=words, position_ids=places + first_place(network))
        return Tokens(states, part.mask & part.present.unsqueeze(1), part.marks.get("target"))

    def image_tokens(self, part: Encoded) -> Tokens:
        """IMG, then the regions."""
        features = part.states[..., : self.features]
        boxes = part.states[..., -BOX:] if self.boxes == "states" else grid_boxes(part.states, "SingleStream")
        seen = part.mask
        if (hidden := part.marks.get("hidden")) is not None:
            features, seen = features.masked_fill(hidden.unsqueeze(-1), 0.0), part.mask & ~hidden
        weights = seen.unsqueeze(-1).to(features.dtype)
        whole = (features * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True).clamp(min=1)
        everywhere = boxes.new_tensor(WHOLE).expand(len(boxes), 1, -1)
        read = self.read(torch.cat([whole, features], dim=1))
        lie = self.locate(torch.cat([everywhere, locations(boxes)], dim=1).to(read.dtype))
        real = torch.cat([torch.ones_like(part.present).unsqueeze(1), part.mask], dim=1) & part.present.unsqueeze(1)
        return Tokens(self.drop(self.norm(read + lie)), real, None)

    def layers(self, states: Tensor, attention: Tensor, *, past: Any = None) -> Tensor:
        """The network's layers over embedded tokens (batch, time, width).

        Args:
            states: of the tokens.
            attention: (batch, 1 or 1, time or 1, all time) what is added to the scores of attention, see :func:`reads`.
            past: a cache of transformers, of the keys and values of tokens before these; these are added to it.
        """
        output = self._network[0].encoder(states, attention_mask=attention, past_key_values=past, use_cache=past is not None)
        found: Tensor = output.last_hidden_state
        return found

    def _alone(self, name: str, part: Encoded) -> Encoded:
        if name == "text":
            tokens = self.text_tokens(part)
            states = self._run(tokens, None)
        else:
            tokens = self.image_tokens(part)
            states = self.layers(tokens.states, reads(tokens.real, None, tokens.states.dtype))
        return Encoded(states, tokens.real, states[:, 0], part.present)

    def _run(self, text: Tokens, image: Tokens | None) -> Tensor:
        """States of the text, then of the picture; in pieces of texts of similar length, without the longer ones' padding."""
        rows, time = text.real.shape
        lengths = (text.real * torch.arange(1, time + 1, device=text.real.device)).amax(dim=1).clamp(min=1)
        if not 0 < self.piece_rows < rows:
            return self._piece(text, image)
        order = torch.argsort(lengths, stable=True)
        pieces = []
        for chosen in torch.split(order, self.piece_rows):
            longest = int(lengths[chosen].max())
            states = self._piece(_cut(text, chosen, longest), None if image is None else _cut(image, chosen, None))
            pieces.append(torch.cat([pad(states[:, :longest], (0, 0, 0, time - longest)), states[:, longest:]], dim=1))
        return torch.cat(pieces)[torch.argsort(order)]

    def _piece(self, text: Tokens, image: Tokens | None) -> Tensor:
        if image is None:
            return self.layers(text.states, reads(text.real, text.target, text.states.dtype))
        real = torch.cat([text.real, image.real], dim=1)
        target = None if text.target is None else torch.cat([text.target, torch.zeros_like(image.real)], dim=1)
        states = torch.cat([text.states, image.states.to(text.states.dtype)], dim=1)
        return self.layers(states, reads(real, target, states.dtype))

    def _pooled(self, firsts: Mapping[str, Tensor], found: Encoded, there: Mapping[str, Tensor]) -> Tensor:
        """The summary, from the first state of each modality; ``there`` says which rows have it."""
        if self.pooling == "mean":
            weights = found.mask.unsqueeze(-1).to(found.states.dtype)
            return (found.states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
        neutral = 0.0 if self.pooling == "sum" else 1.0
        summary = None
        for name, first in firsts.items():
            one = torch.where(there[name].unsqueeze(1), self.heads[name](first).relu(), neutral)
            summary = one if summary is None else summary + one if self.pooling == "sum" else summary * one
        assert summary is not None
        return summary


def reads(real: Tensor, target: Tensor | None, dtype: torch.dtype) -> Tensor:
    """What is added to the scores of attention: 0 where a token reads another one, the lowest number elsewhere.

    Args:
        real: (batch, time) bool; nobody reads padding.
        target: (batch, time) bool, or None: a target is read by itself and by the targets behind it alone.
        dtype: of the scores.

    Returns:
        (batch, 1, 1, time), or with targets (batch, 1, time, time): entry (q, k) is whether q reads k.
    """
    if target is None:
        allowed = real[:, None, :]
    else:
        place = torch.arange(real.shape[1], device=real.device)
        behind = place.unsqueeze(1) >= place
        allowed = real[:, None, :] & (~target[:, None, :] | (target[:, :, None] & behind))
    lowest = torch.finfo(dtype).min
    return torch.zeros(allowed.shape, dtype=dtype, device=real.device).masked_fill(~allowed, lowest).unsqueeze(1)


def _cut(tokens: Tokens, rows: Tensor, longest: int | None) -> Tokens:
    """Some rows, up to so many tokens."""
    target = None if tokens.target is None else tokens.target[rows, :longest]
    return Tokens(tokens.states[rows, :longest], tokens.real[rows, :longest], target)
