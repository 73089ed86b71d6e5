"""Samples to the nested dict of tensors that a data loader carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import torch

from polysense.data.media import content_key
from polysense.types import Fields, Sample

Content = TypeVar("Content")


class Prepares(Protocol):
    """Turns samples into tensors, a row a sample: an encoder its modality, an objective its targets, a cache its states."""

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """The tensors."""


class Collate:
    """Joins what the encoders and the objectives prepare; a modality that no sample has is left out.

    Args:
        modalities: by modality, who prepares it: the encoder, or the cache of a frozen one.
        targets: who prepares the fields; none for prediction.
        companions: whether the further texts of the samples, ``pair``, ``negatives`` and ``near_texts``, are prepared as ``text`` is,
            and their ``near_images`` as ``image``.
    """

    def __init__(
        self, modalities: Mapping[str, Prepares], targets: Iterable[Prepares] = (), *, companions: bool = False
    ) -> None:
        self.modalities = dict(modalities)
        self.targets = tuple(targets)
        self.companions = companions

    def __call__(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The nested dict of :class:`polysense.types.Batch`."""
        nested: dict[str, Any] = {"index": torch.tensor([sample.index for sample in samples])}
        for name, maker in self.modalities.items():
            nested |= _part(name, maker, samples, [getattr(sample, name) for sample in samples])
        if self.companions:
            nested |= self._further_texts(samples) | self._further_pictures(samples)
        for target in self.targets:
            nested |= target.prepare(samples)
        return nested

    def _further_texts(self, samples: Sequence[Sample]) -> dict[str, Fields]:
        found: dict[str, Fields] = {}
        texts = {"pair": [sample.pair for sample in samples]}
        texts |= columns("negative", [sample.negatives for sample in samples])
        texts |= columns("near_text", [sample.near_texts for sample in samples])
        for name, column in texts.items():
            stand_ins = [replace(sample, text=text) for sample, text in zip(samples, column, strict=True)]
            found |= _part(name, self.modalities["text"], stand_ins, column)
        return found

    def _further_pictures(self, samples: Sequence[Sample]) -> dict[str, Fields]:
        found: dict[str, Fields] = {}
        for name, column in columns("near_image", [sample.near_images for sample in samples]).items():
            stand_ins = [replace(sample, image=picture) for sample, picture in zip(samples, column, strict=True)]
            found |= _part(name, self.modalities["image"], stand_ins, column)
        return found


def columns(name: str, rows: Sequence[Sequence[Content]]) -> dict[str, list[Content | None]]:
    """Several things of each row as columns ``name.0``, ``name.1``, ...: the k-th of each row, None where a row has fewer."""
    most = max(len(row) for row in rows)
    return {f"{name}.{place}": [row[place] if place < len(row) else None for row in rows] for place in range(most)}


def _part(name: str, maker: Prepares, samples: Sequence[Sample], contents: Sequence[Any]) -> dict[str, Fields]:
    """What ``maker`` prepares, with presence and keys; nothing where no row has any content.

    A maker that reads more of a row than the content says itself which rows are equal.
    """
    present = torch.tensor([content is not None for content in contents])
    if not present.any():
        return {}
    keys = torch.tensor([content_key(content) for content in contents])
    return {name: {"key": keys, **maker.prepare(samples), "present": present}}
