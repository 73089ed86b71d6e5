"""The contract of a fusion, and how one of them stands in for a missing modality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor, nn

from polysense.data.regions import RegionLayout
from polysense.errors import RecipeError
from polysense.fusion.states import States
from polysense.types import Encoded, Widths


class Fusion(nn.Module, ABC):
    """Encoded modalities in, one fused ``Encoded`` out. It accepts whichever modalities are present, row by row."""

    width: int
    """Width of the fused states and summary."""

    text_first: ClassVar[bool] = False
    """Whether the first of the fused states are those of the text's tokens, one each, having read the other modalities."""

    codes: Mapping[str, int] = MappingProxyType({})
    """Vectors on the way to the summary that it gives under their names in ``Encoded.codes``, for objectives that ask for them
    (``shared.text``), with their widths. The build hands these on to the objectives among the widths of the modalities."""

    sizes: Mapping[str, int] = MappingProxyType({})
    """Further numbers that objectives ask for by name among the widths (``region.features``)."""

    layout: RegionLayout | None = None
    """What it takes the last numbers of each state of the modality beside the text for; None: for nothing but numbers."""

    def borrow(self, networks: Mapping[str, nn.Module]) -> None:
        """Take up the network of an encoder, by its modality, that the encoder leaves to the fusion to run.

        The encoder owns it: it is loaded, trained, frozen and saved there. A fusion that runs none refuses it.

        Raises:
            RecipeError: the fusion cannot run it.
        """
        for name in networks:
            raise RecipeError(
                f"encoders.{name}.tokens: embedded leaves the layers to the fusion, and {type(self).__name__} runs none; "
                "write tokens: all"
            )

    def apart(self, parts: Mapping[str, Encoded]) -> Mapping[str, Encoded]:
        """Each modality by itself: as its encoder gave it, unless that takes a pass through the fusion."""
        return parts

    def widths_apart(self, widths: Widths) -> Widths:
        """The widths of what :meth:`apart` gives, from those of the encoders."""
        return widths

    @abstractmethod
    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Fuse what :meth:`apart` returned: at least one modality, every one with the same number of rows."""


class Placeholders(nn.Module):
    """One learned vector a modality, taken where a row (or the whole batch) lacks it. Starts at zero."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self.vectors = nn.ParameterDict({name: nn.Parameter(torch.zeros(width)) for name, width in widths.items()})

    def summary(self, name: str, parts: Mapping[str, Encoded]) -> Tensor:
        """The summaries (batch, width) of a modality, with the placeholder in the rows that lack it."""
        vector: Tensor = self.vectors[name]
        if name not in parts:
            rows = next(iter(parts.values())).summary.shape[0]
            return vector.expand(rows, -1)
        part = parts[name]
        return torch.where(part.present.unsqueeze(-1), part.summary, vector.to(part.summary.dtype))

    def states(self, name: str, parts: Mapping[str, Encoded]) -> States:
        """The states of a modality that stand in each row, with the placeholder as the one state of the rows that lack it."""
        vector: Tensor = self.vectors[name]
        if name not in parts:
            rows = next(iter(parts.values())).present.shape[0]
            return States(vector.expand(rows, 1, -1), torch.ones(rows, dtype=torch.int64, device=vector.device))
        part = parts[name]
        real = part.mask & part.present.unsqueeze(1)
        lengths = real.sum(dim=1)
        states = part.states.masked_fill(~real.unsqueeze(-1), 0.0)
        first = torch.where((lengths > 0).unsqueeze(1), states[:, 0], vector.to(states.dtype))
        return States(torch.cat([first.unsqueeze(1), states[:, 1:]], dim=1), lengths.clamp(min=1))

    def masked_states(self, name: str, parts: Mapping[str, Encoded]) -> tuple[Tensor, Tensor]:
        """The states (batch, time, width) of a modality and their mask; rows that lack it have one, the placeholder."""
        vector: Tensor = self.vectors[name]
        if name not in parts:
            rows = next(iter(parts.values())).present
            return vector.expand(len(rows), 1, -1), torch.ones_like(rows).unsqueeze(1)
        part = parts[name]
        there = part.present.unsqueeze(1)
        first = torch.zeros_like(part.mask)
        first[:, 0] = True
        return torch.where(there.unsqueeze(2), part.states, vector.to(part.states.dtype)), torch.where(there, part.mask, first)


def any_present(parts: Mapping[str, Encoded]) -> Tensor:
    """(batch,) bool: rows with at least one modality."""
    return torch.stack([part.present for part in parts.values()]).any(dim=0)


def single_state(summary: Tensor, present: Tensor) -> Encoded:
    """A fused representation that has a summary only: one state, which is the summary."""
    return Encoded(summary.unsqueeze(1), present.unsqueeze(1), summary, present)
