"""The batch with some modalities of some rows left out."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from polysense.types import Batch
from polysense.views.stacked import is_companion
from polysense.views.view import Shown, View


@dataclass(frozen=True)
class Partial(View):
    """Each modality of a row is hidden by its own chance, whatever happens to the others, but a row never loses all that it has.

    Of a row that would, the modality stays that came nearest to staying: the one whose draw is the largest for its chance. What
    is hidden is to the fusion as if the row lacked it.
    """

    chances: tuple[tuple[str, float], ...]
    """Modality and the chance that it is hidden, from 0 to below 1."""

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """The batch itself, with what is ``hidden``."""
        chances = {name: chance for name, chance in self.chances if chance > 0}
        scores = torch.rand(len(chances), batch.size, generator=draw)  # the same draws, whichever modalities the batch has
        fits = {name: score / chances[name] for name, score in zip(chances, scores, strict=True)}
        have = {name: part["present"].cpu() for name, part in batch.parts.items() if not is_companion(name)}
        hidden = {name: (fits[name] < 1) & present for name, present in have.items() if name in fits}
        if not hidden:
            return Shown(batch)
        left = torch.stack([present & ~hidden.get(name, torch.zeros_like(present)) for name, present in have.items()]).any(
            dim=0
        )
        best = torch.stack([fits[name].masked_fill(~have[name], -1.0) for name in hidden]).argmax(dim=0)
        for place, name in enumerate(hidden):
            hidden[name] &= left | (best != place)
        return Shown(batch, hidden={name: rows.to(batch.fields["index"].device) for name, rows in hidden.items()})
