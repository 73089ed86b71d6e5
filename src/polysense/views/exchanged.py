"""Each row's pair beside pairs with other rows' pictures and texts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from polysense.types import Batch
from polysense.views.mismatched import partners
from polysense.views.view import Shown, View


@dataclass(frozen=True)
class Exchanged(View):
    """Below each other: the pairs, each row's text with ``count`` other pictures, each row's picture with ``count`` other texts.

    Both are drawn among the rows of the batch whose text AND picture differ from the row's own; a row with fewer partners has
    fewer. Texts and pictures are only re-indexed, so each is encoded once. Rows that lack one of the two are left out.
    Targets: ``row`` (shown,) int64, the row of the batch; ``which`` (shown,) int64: 0 its pair, 1 to ``count`` other pictures,
    from there on other texts.
    Source: UNIMO (ACL 2021), appendix on retrieval; that equal content is no negative is ours.
    """

    count: int

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """Draw pictures, then texts."""
        allowed = partners(batch, "text", "image").cpu()
        both = (batch.parts["text"]["present"] & batch.parts["image"]["present"]).cpu()
        own = both.nonzero()[:, 0]
        rows, whiches, others = [own], [torch.zeros_like(own)], [own]
        for first in (1, 1 + self.count):
            row, place, other = drawn(allowed, count=self.count, draw=draw)
            rows.append(row)
            whiches.append(first + place)
            others.append(other)
        device = batch.fields["index"].device
        row, which, other = (torch.cat(parts).to(device) for parts in (rows, whiches, others))
        text = torch.where(which > self.count, other, row)
        image = torch.where(which > self.count, row, other)
        chosen = {"text": text, "image": image}
        parts = {name: {key: batch.parts[name][key][numbers] for key in ("present", "key")} for name, numbers in chosen.items()}
        fields = {name: values[row] for name, values in batch.fields.items()}
        return Shown(Batch(parts=parts, fields=fields), targets={"row": row, "which": which}, rows=chosen)


def drawn(allowed: Tensor, *, count: int, draw: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """At most ``count`` different partners of each row, drawn evenly: (found,) each the row, the place from 0, and the partner.

    Args:
        allowed: (batch, batch) bool, row i may take row j.
        count: of partners.
        draw: the generator of every random choice.
    """
    rows = allowed.shape[0]
    scores = torch.rand(rows, rows, generator=draw).masked_fill(~allowed, -1.0)
    best, partner = scores.topk(min(count, rows), dim=1)
    row, place = (best >= 0).nonzero(as_tuple=True)
    return row, place, partner[row, place]
