"""One modality by itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from polysense.types import Batch
from polysense.views.view import Shown, View


@dataclass(frozen=True)
class Only(View):
    """The named modality; the others are missing."""

    modality: str

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """The batch with one modality left."""
        parts = {name: part for name, part in batch.parts.items() if name == self.modality}
        return Shown(Batch(parts=parts, fields=batch.fields))
