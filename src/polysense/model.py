"""Encoders and a fusion: a shown batch in, a representation out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from polysense.encoders.encoder import Encoder
from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion
from polysense.types import Batch, Encoded, Representation, Sample
from polysense.views.view import Shown


class Model(nn.Module):
    """The backbone that all objectives share.

    Args:
        encoders: by modality, in the order in which the fusion lists them.
        fusion: joins what the encoders give.
    """

    def __init__(self, encoders: Mapping[str, Encoder], fusion: Fusion) -> None:
        super().__init__()
        for name, encoder in encoders.items():
            if encoder.modality != name:
                kind = type(encoder).__name__
                raise RecipeError(f"encoders.{name}: {kind} reads {encoder.modality!r}; name the entry {encoder.modality!r}")
        self.encoders = nn.ModuleDict(encoders)
        self.fusion = fusion
        if fusion.layout is not None:
            for name in encoders.keys() - {"text"}:
                encoders[name].read_as(fusion.layout)
        fusion.borrow({name: network for name, encoder in encoders.items() if (network := encoder.lent) is not None})

    def encoder(self, modality: str) -> Encoder:
        """The encoder of a modality."""
        found = self.encoders[modality]
        assert isinstance(found, Encoder)
        return found

    def width(self, modality: str) -> int:
        """Of the summary of a modality by itself."""
        return self.fusion.widths_apart({name: self.encoder(name).width for name in self.encoders})[modality]

    def fit(self, samples: Sequence[Sample]) -> None:
        """Have every encoder take what it keeps of the training samples; called once, before training."""
        for name in self.encoders:
            self.encoder(name).fit(samples)

    def encode(self, batch: Batch) -> dict[str, Encoded]:
        """Every modality of the batch through its encoder."""
        return {name: self.encoder(name)(part) for name, part in batch.parts.items() if name in self.encoders}

    def fuse(self, parts: Mapping[str, Encoded], *, index: Tensor) -> Representation:
        """Join encoded modalities; there may be none, in rows (batch,) ``index`` that have nothing that the model reads."""
        apart = self.fusion.apart(parts)
        return Representation(parts=apart, fused=self.fusion(apart if parts else self._nothing(index)))

    def _nothing(self, index: Tensor) -> dict[str, Encoded]:
        """A modality that no row has, on the device of ``index``: a model need not have weights."""
        name = next(iter(self.encoders))
        summary = torch.zeros(len(index), self.encoder(name).width, device=index.device)
        absent = torch.zeros_like(index, dtype=torch.bool)
        return {name: Encoded(summary.unsqueeze(1), absent.unsqueeze(1), summary, absent)}

    def forward(self, batch: Batch) -> Representation:
        """Encode and fuse."""
        return self.fuse(self.encode(batch), index=batch.fields["index"])


class Sight:
    """One batch, encoded no more often than its views need.

    A modality that a view leaves as it is, or only re-indexes, is encoded once for all such views.
    """

    def __init__(self, model: Model, batch: Batch) -> None:
        self.model = model
        self.batch = batch
        self._plain: dict[str, Encoded] = {}

    def see(self, shown: Shown) -> Representation:
        """The representation of a shown batch."""
        parts = {name: self._part(name, shown) for name in shown.batch.parts if name in self.model.encoders}
        for name in shown.hidden.keys() & parts.keys():
            parts[name] = replace(parts[name], present=parts[name].present & ~shown.hidden[name])
        return self.model.fuse(parts, index=shown.batch.fields["index"])

    def with_states(self, name: str) -> Batch:
        """The batch with a modality as what its encoder gives, if that is frozen; else as it is."""
        part = self.batch.parts.get(name)
        if part is None or "states" in part or self.model.encoder(name).kept is not self.model.encoder(name):
            return self.batch
        found = self._encoded(name)
        stated = {"states": found.states, "mask": found.mask, "summary": found.summary}
        stated |= {key: part[key] for key in ("present", "key")}
        return Batch({**self.batch.parts, name: stated}, self.batch.fields)

    def _part(self, name: str, shown: Shown) -> Encoded:
        part = shown.batch.parts[name]
        if name in shown.rows:
            return self._encoded(name).rows(shown.rows[name])
        if part is self.batch.parts.get(name):
            return self._encoded(name)
        encoded: Encoded = self.model.encoder(name)(part)
        return encoded

    def _encoded(self, name: str) -> Encoded:
        if name not in self._plain:
            self._plain[name] = self.model.encoder(name)(self.batch.parts[name])
        return self._plain[name]
