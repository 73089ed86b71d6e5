"""Sound or film through a Transformer of its own."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from polysense.encoders.encoder import masked_mean
from polysense.encoders.sequence import SequenceEncoder
from polysense.errors import RecipeError
from polysense.positions import positions
from polysense.types import Fields


class SequenceTransformer(SequenceEncoder):
    """Frames projected to ``width``, sinusoidal positions added, through pre-norm Transformer layers; the summary is their mean.

    Frames attend to frames of their own sequence alone. Rows are sorted by length and encoded in pieces, each padded to its own
    longest row only, so that little work is done on padding.

    Args:
        modality: ``audio`` or ``video``.
        width: of states and summary.
        layers: how many.
        heads: of the attention; they share the width evenly.
        dropout: share dropped in training, of the input with its positions and inside the layers.
        tokens: ``all`` gives each frame a state, ``pooled`` only the summary.
        piece_rows: rows a piece.
        frame_width: numbers a frame; taken from the training rows.
        features: what made the frames, name and parameters; taken from the training rows. Frames made otherwise are refused.
        standardize: bring each number of a frame to mean 0 and deviation 1 over all frames of the training rows.
        max_length: frames of a sequence that are read, from its beginning; all by default.
    """

    def __init__(
        self,
        modality: Literal["audio", "video"],
        *,
        width: int = 32,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        tokens: Literal["all", "pooled"] = "all",
        piece_rows: int = 8,
        frame_width: int | None = None,
        features: dict[str, Any] | None = None,
        standardize: bool = False,
        max_length: int | None = None,
    ) -> None:
        super().__init__(
            modality,
            width=width,
            frame_width=frame_width,
            features=features,
            standardize=standardize,
            max_length=max_length,
        )
        if heads < 1 or width % heads or width % 2:
            raise RecipeError(f"encoders.{modality}: width {width} must be even and a multiple of heads {heads}")
        if layers < 1 or piece_rows < 1:
            raise RecipeError(
                f"encoders.{modality}: layers and piece_rows are numbers from 1 up, found {layers} and {piece_rows}"
            )
        self.tokens = tokens
        self.piece_rows = piece_rows
        self.project = nn.Linear(self.frame_width, width)
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        for parameter in self.layers.parameters():  # its layers are copies of one, and would all start alike
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        self.freeze()

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """States (batch, longest or 1, width), where they stand, and their means; a row without frames is read as one of zeros."""
        frames, mask = self.sequences(fields)
        lengths = mask.sum(dim=1).clamp(min=1)
        order = lengths.argsort(descending=True, stable=True)
        pieces = [self._piece(frames, lengths, rows) for rows in torch.split(order, self.piece_rows)]
        states = torch.cat(pieces)[order.argsort()]
        summary = masked_mean(states, torch.arange(frames.shape[1], device=frames.device) < lengths.unsqueeze(1))
        if self.tokens == "pooled":
            return summary.unsqueeze(1), mask.any(dim=1, keepdim=True), summary
        return states.masked_fill(~mask.unsqueeze(-1), 0.0), mask, summary

    def _piece(self, frames: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """States (rows, longest of all, width) of some rows, computed to the longest of them."""
        longest = int(lengths[rows].max())
        hidden = torch.arange(longest, device=frames.device) >= lengths[rows].unsqueeze(1)
        projected = self.project(frames[rows, :longest])
        placed = self.dropout(projected + positions(longest, self.width, device=frames.device).to(projected.dtype))
        states = self.layers(placed, src_key_padding_mask=hidden)
        return pad(states.masked_fill(hidden.unsqueeze(-1), 0.0), (0, 0, 0, frames.shape[1] - longest))
