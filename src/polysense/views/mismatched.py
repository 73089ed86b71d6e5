"""Pairs of which about half have their text exchanged for another one of the batch."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from polysense.types import Batch
from polysense.views.view import Shown, View


@dataclass(frozen=True)
class Mismatched(View):
    """Each row keeps its text with probability 1 - ``share``, otherwise it takes the text of another row; pictures stay.

    The replacement is drawn uniformly among rows whose text AND picture differ from the row's own (``key`` of the parts), so
    retweets are never called mismatched. Only rows with both modalities take part; a row with no partner keeps its text.
    Targets: ``match`` (batch,) int64, 1 kept and 0 exchanged; ``source`` (batch,) int64, the row whose text is shown.
    Source: Findings of EACL 2024 (ITM); the exclusion of duplicates is ours.
    """

    swapped: str = "text"
    kept: str = "image"
    share: float = 0.5

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """Exchange; the swapped modality's tensors move together, mask and all."""
        source = self._source(partners(batch, self.swapped, self.kept), draw)
        source = source.to(batch.fields["index"].device)
        parts = dict(batch.parts)
        parts[self.swapped] = {name: values[source] for name, values in batch.parts[self.swapped].items()}
        match = (source == torch.arange(batch.size, device=source.device)).long()
        shown = Batch(parts=parts, fields=batch.fields)
        return Shown(shown, targets={"match": match, "source": source}, rows={self.swapped: source})

    def _source(self, allowed: Tensor, draw: torch.Generator) -> Tensor:
        return exchange(allowed, share=self.share, draw=draw)


@dataclass(frozen=True)
class HardMismatched(Mismatched):
    """The same, with replacements drawn by how well they go with what is kept: with probability proportional to e^S."""

    by: str = ""
    """Who says so."""
    fit: Tensor | None = field(default=None, compare=False, repr=False)
    """S (batch, batch): how well row i's ``kept`` goes with row j's ``swapped``."""

    def _source(self, allowed: Tensor, draw: torch.Generator) -> Tensor:
        return exchange(allowed, share=self.share, draw=draw, fit=self.fit)


def partners(batch: Batch, swapped: str, kept: str) -> Tensor:
    """(batch, batch) bool: entry (i, j) is True where row i may take the ``swapped`` modality of row j."""
    left, right = batch.parts[swapped], batch.parts[kept]
    both = left["present"] & right["present"]
    return both.unsqueeze(0) & both.unsqueeze(1) & ~same_content(batch, swapped, kept)


def same_content(batch: Batch, *modalities: str) -> Tensor:
    """(batch, batch) bool: rows that share the content of at least one of the modalities, the diagonal included."""
    same = torch.eye(batch.size, dtype=torch.bool, device=batch.fields["index"].device)
    for name in modalities:
        part = batch.parts[name]
        equal = part["key"].unsqueeze(0) == part["key"].unsqueeze(1)
        same = same | (equal & part["present"].unsqueeze(0) & part["present"].unsqueeze(1))
    return same


def exchange(allowed: Tensor, *, share: float, draw: torch.Generator, fit: Tensor | None = None) -> Tensor:
    """Which row's content each row shows: (batch,) int64, drawn independently a row.

    Args:
        allowed: (batch, batch) bool, row i may show row j; the diagonal is False.
        share: probability of an exchange in a row that has a partner.
        draw: the generator of every random choice.
        fit: (batch, batch): row i shows row j with probability proportional to e^fit; None draws evenly.
    """
    count = allowed.shape[0]
    swaps = torch.rand(count, generator=draw) < share
    scores = torch.rand(count, count, generator=draw)
    if fit is not None:
        scores = fit.detach().cpu() - (-scores.log()).log()  # the largest sum with Gumbel noise is a draw by e^fit
    best, partner = scores.masked_fill(~allowed.cpu(), -torch.inf).max(dim=1)
    return torch.where(swaps & ~best.isinf(), partner, torch.arange(count))
