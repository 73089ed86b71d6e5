"""The batch as it is."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from polysense.types import Batch
from polysense.views.view import Shown, View


@dataclass(frozen=True)
class Plain(View):
    """Nothing changed."""

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """The batch itself."""
        return Shown(batch)
