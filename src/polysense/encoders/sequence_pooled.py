"""Sound or film as the mean of its frames."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from polysense.encoders.encoder import masked_mean
from polysense.encoders.sequence import SequenceEncoder
from polysense.types import Fields


class SequencePooled(SequenceEncoder):
    """Mean over a sequence's own frames, batch normalisation, dropout, and three layers ``ReLU(W x + b)``: one state a row.

    Source: the sub-networks of TFN (EMNLP 2017) and LF-DNN, whose mean runs over the padding too; here it does not. Rows without
    frames take no part in the normalisation; a lone row in training is normalised by the running statistics.

    Args:
        modality: ``audio`` or ``video``.
        width: of the summary, and of the layers.
        dropout: share of the numbers that are dropped in training.
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
        dropout: float = 0.0,
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
        self.norm = nn.BatchNorm1d(self.frame_width)
        self.layers = nn.Sequential(
            nn.Dropout(dropout),
            *(nn.Linear(self.frame_width, width), nn.ReLU()),
            *(nn.Linear(width, width), nn.ReLU()),
            *(nn.Linear(width, width), nn.ReLU()),
        )
        self.freeze()

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """One state (batch, 1, width) a row, where there is one, and the same as summaries."""
        frames, mask = self.sequences(fields)
        there = mask.any(dim=1)
        means = masked_mean(frames, mask)
        normal = torch.zeros_like(means)
        normal[there] = self._normalised(means[there])
        summary = self.layers(normal)
        return summary.unsqueeze(1), there.unsqueeze(1), summary

    def _normalised(self, means: Tensor) -> Tensor:
        if len(means) > 1 or not self.training:
            found: Tensor = self.norm(means)
            return found
        norm = self.norm
        return batch_norm(means, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=False, eps=norm.eps)
