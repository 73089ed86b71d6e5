"""A look whose view and model were settled beforehand: for losses that are compared with their equations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from polysense.types import Batch, Encoded, Representation
from polysense.views.view import Shown, View


class FixedLook:
    """Shows ``targets`` and gives ``states`` (batch, time, width) for them, whatever view is asked for.

    Args:
        encoder: of the text.
        states: what the model makes of the shown batch.
        targets: of the view.
    """

    def __init__(self, encoder: Any, states: Tensor, targets: Mapping[str, Tensor]) -> None:
        rows, time = states.shape[:2]
        self._encoder = encoder
        mask = torch.ones(rows, time, dtype=torch.bool)
        text = Encoded(states, mask, states.mean(dim=1), mask[:, 0])
        self._seen = Representation({"text": text}, text)
        part = {"input_ids": torch.zeros(rows, time, dtype=torch.int64)}
        self._shown = Shown(Batch({"text": part}, {"index": torch.arange(rows)}), targets)

    @property
    def batch(self) -> Batch:
        return self._shown.batch

    def encoder(self, modality: str) -> Any:
        assert modality == "text"
        return self._encoder

    def __call__(self, view: View) -> tuple[Shown, Representation]:
        return self._shown, self._seen
