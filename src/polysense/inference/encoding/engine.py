"""What runs a text encoder: the contract, and torch, which always works."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import torch

from polysense.encoders.transformer_text import TransformerText

EngineName = Literal["auto", "torch", "openvino"]
Precision = Literal["auto", "float32", "bfloat16"]

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Row numbers (rows,), token ids and attention mask, both (rows, longest) int64."""


class Engine(ABC):
    """Gives the summaries of tokenised texts."""

    name: str
    precision: str
    """In which it multiplies: ``float32`` or ``bfloat16``. Sums, pooling and results are float32."""
    tokens: int
    """Of a batch, padding included."""

    @abstractmethod
    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers and their summaries (rows, width) float32, a batch at a time, in any order."""

    def __str__(self) -> str:
        return f"{self.name}, {self.precision}"


class TorchEngine(Engine):
    """The encoder as it is, each batch in one piece.

    Args:
        encoder: in evaluation mode.
        bfloat16: multiply in bfloat16.
    """

    name = "torch"
    tokens = 4096

    def __init__(self, encoder: TransformerText, *, bfloat16: bool) -> None:
        self.encoder = in_one_piece(encoder)
        self.precision = "bfloat16" if bfloat16 else "float32"

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """One after the other."""
        device = next(self.encoder.parameters()).device
        fast = self.precision == "bfloat16"
        for rows, ids, mask in batches:
            fields = {
                "input_ids": torch.from_numpy(ids).to(device),
                "attention_mask": torch.from_numpy(mask).to(device),
            }
            with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=fast):
                _, _, summary = self.encoder.encode(fields)
            yield rows, summary.float().cpu().numpy()


def in_one_piece(encoder: TransformerText) -> TransformerText:
    """The same encoder, its weights shared, that does not take a batch apart: the rows that come are of similar length."""
    whole = copy.copy(encoder)
    whole.piece_rows = 0
    whole.recompute = False
    return whole
