"""Several texts of each row, one after another as the rows of one text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from polysense.types import Batch, Fields
from polysense.views.view import Shown, View


@dataclass(frozen=True)
class Stacked(View):
    """The parts ``texts`` of a batch below each other as ``text``: row r of the k-th is row ``k * batch + r``.

    All of them are encoded in one pass. The other modalities are repeated by their rows alone, and are not encoded again. A row
    that lacks one of the texts has a blank there, which is not ``present``.
    """

    texts: tuple[str, ...]

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """Stack; what the rows of each text are is ``Shown.rows`` of the other modalities."""
        row = torch.arange(batch.size, device=batch.fields["index"].device).repeat(len(self.texts))
        others = [name for name in batch.parts if name != "text" and not is_companion(name)]
        parts = {name: {key: batch.parts[name][key][row] for key in ("present", "key")} for name in others}
        parts["text"] = stack([batch.parts[name] for name in self.texts])
        fields = {name: values[row] for name, values in batch.fields.items()}
        return Shown(Batch(parts=parts, fields=fields), rows=dict.fromkeys(others, row))


TWICE = Stacked(("text", "text"))
"""Every text two times: dropout makes the two differ (SimCSE)."""


def negatives(batch: Batch) -> tuple[str, ...]:
    """The names of the parts that hold hard negatives, in their order."""
    return numbered(batch, "negative")


def numbered(batch: Batch, kind: str) -> tuple[str, ...]:
    """The names of the parts ``kind.0``, ``kind.1``, ..., in their order."""
    found = [name for name in batch.parts if name.startswith(f"{kind}.")]
    return tuple(sorted(found, key=lambda name: int(name.partition(".")[2])))


def says_the_same(batch: Batch, name: str) -> Tensor:
    """(batch,) bool: the rows whose further text ``name`` equals their own text or their pair, so that it is no negative of theirs."""
    part, text = batch.parts[name], batch.parts["text"]
    same = (part["key"] == text["key"]) & text["present"]
    if pair := batch.parts.get("pair"):
        same = same | ((part["key"] == pair["key"]) & pair["present"])
    return same & part["present"]


def is_companion(name: str) -> bool:
    """Whether a part of a batch is a further text or picture, which stands beside the modalities until a view shows it."""
    return name.partition(".")[0] in {"pair", "negative", "near_text", "near_image"}


def stack(parts: Sequence[Fields]) -> Fields:
    """Parts of one kind below each other, padded with zeros to the longest of them."""
    return {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    if tensors[0].dim() < 2 or len({tensor.shape[1] for tensor in tensors}) == 1:
        return torch.cat(list(tensors))
    longest = max(tensor.shape[1] for tensor in tensors)
    behind = [(0, 0) * (tensor.dim() - 2) + (0, longest - tensor.shape[1]) for tensor in tensors]
    return torch.cat([pad(tensor, widths) for tensor, widths in zip(tensors, behind, strict=True)])
