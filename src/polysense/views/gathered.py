"""Several texts or pictures of each row, those that are there, one after another as the rows of one modality."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from polysense.types import Batch, Fields
from polysense.views.stacked import stack
from polysense.views.view import Shown, View


@dataclass(frozen=True)
class Gathered(View):
    """The parts ``names`` of a batch below each other as ``modality``, without the rows that lack them: nothing is run on blanks.

    The picture or text of the row itself stands ``beside`` each of them, and rows that lack it are left out too. Other
    modalities are not shown.
    Targets: ``row`` (shown,) int64, the row of the batch; ``which`` (shown,) int64, the place of the part in ``names``.
    Source: UNIMO (ACL 2021): captions beside rewritten ones of the same picture, and what was retrieved.
    """

    modality: str
    names: tuple[str, ...]
    beside: str | None = None

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """Those that are there."""
        parts = [batch.parts[name] for name in self.names]
        there = torch.stack([part["present"] for part in parts])
        if self.beside is not None:
            there = there & batch.parts[self.beside]["present"]
        which, row = there.nonzero(as_tuple=True)
        chosen = there.flatten().nonzero()[:, 0]
        shown = {self.modality: without_padding({name: values[chosen] for name, values in stack(parts).items()})}
        rows: dict[str, Tensor] = {}
        if self.beside is not None:
            shown[self.beside] = {name: batch.parts[self.beside][name][row] for name in ("present", "key")}
            rows[self.beside] = row
        fields = {name: values[row] for name, values in batch.fields.items()}
        return Shown(Batch(parts=shown, fields=fields), targets={"row": row, "which": which}, rows=rows)


def without_padding(part: Fields) -> Fields:
    """Tokens up to the longest text that is left."""
    if "attention_mask" not in part or not len(part["attention_mask"]):
        return part
    longest = int(part["attention_mask"].sum(dim=1).max())
    return {name: values[:, :longest] if values.dim() == 2 else values for name, values in part.items()}
