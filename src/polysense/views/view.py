"""The contract of a view."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from polysense.seeds import seed_from
from polysense.types import Batch


@dataclass(frozen=True, slots=True)
class Shown:
    """A batch as a view shows it.

    ``rows[modality]`` (shown batch,) int64 says that a modality was only re-indexed: its row i is row ``rows[modality][i]`` of the
    plain batch. The model then re-indexes what it has already encoded. A modality that is neither in ``rows`` nor the very
    object of the plain batch has new content and is encoded anew.
    """

    batch: Batch
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    """What the view made and an objective must recover, e.g. ``match`` (shown batch,)."""
    rows: Mapping[str, Tensor] = field(default_factory=dict)
    hidden: Mapping[str, Tensor] = field(default_factory=dict)
    """Modality -> (shown batch,) bool: the rows in which it is there and not shown."""


class View(ABC):
    """What the model is shown of a batch. Views are frozen dataclasses: equal views are one view, run once a step."""

    states_of: ClassVar[str | None] = None
    """A modality that it must be shown as the ``states``, ``mask`` and ``summary`` that a frozen encoder gives, cached or not."""

    @abstractmethod
    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """Make the shown batch; every random choice comes from ``draw``."""


def seeded(purpose: View | str, *, seed: int, step: int, rank: int = 0) -> torch.Generator:
    """The generator of a random view, or of what else is drawn, from (run seed, micro-step, purpose, process): nothing is kept."""
    return torch.Generator().manual_seed(seed_from(seed, step, rank, purpose))
