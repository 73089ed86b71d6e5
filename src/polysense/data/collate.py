"""Samples to the nested dict of tensors that a data loader carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch

from polysense.data.media import content_key
from polysense.types import Fields, Sample


class Prepares(Protocol):
    """Turns samples into tensors, a row a sample: an encoder its modality, an objective its targets, a cache its states."""

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """The tensors."""


class Collate:
    """Joins what the encoders and the objectives prepare; a modality that no sample has is left out.

    Args:
        modalities: by modality, who prepares it: the encoder, or the cache of a frozen one.
        targets: who prepares the fields; none for prediction.
    """

    def __init__(self, modalities: Mapping[str, Prepares], targets: Iterable[Prepares] = ()) -> None:
        self.modalities = dict(modalities)
        self.targets = tuple(targets)

    def __call__(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The nested dict of :class:`polysense.types.Batch`."""
        nested: dict[str, Any] = {"index": torch.tensor([sample.index for sample in samples])}
        for name, maker in self.modalities.items():
            contents = [getattr(sample, name) for sample in samples]
            present = torch.tensor([content is not None for content in contents])
            if present.any():
                keys = torch.tensor([content_key(content) for content in contents])
                nested[name] = {**maker.prepare(samples), "present": present, "key": keys}
        for target in self.targets:
            nested |= target.prepare(samples)
        return nested
