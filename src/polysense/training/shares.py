"""Each process's rows of a batch that several processes learn from together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from polysense.distributed import own_part
from polysense.types import MODALITIES, Sample

FIELDS = (*MODALITIES, "pair", "label", "score")
"""What a row may lack."""


class OwnRows:
    """Prepares this process's rows of each batch, with all that any row of the batch has.

    All processes must find the same modalities and fields in their batches, for an objective waits for all of them. Where none of
    the own rows has one, it is prepared with a borrowed row, which is dropped afterwards: the own rows are then marked as without
    it, as in a batch of one process. A process for which there is no row gets a blank one, from which nothing is learned.

    Args:
        collate: prepares samples.
    """

    def __init__(self, collate: Callable[[Sequence[Sample]], dict[str, Any]]) -> None:
        self._collate = collate

    def __call__(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The nested dict of :class:`polysense.types.Batch`, from the samples of the whole batch."""
        own = list(samples[own_part(samples)]) or [Sample(id="", index=samples[0].index)]
        return _first_rows(self._collate([*own, *borrowed(own, samples)]), len(own))


def borrowed(own: Sequence[Sample], samples: Sequence[Sample]) -> list[Sample]:
    """For each modality or target that none of the ``own`` has, one of the ``samples`` that has it; likewise for most negatives."""
    found = []
    for field in FIELDS:
        if all(getattr(sample, field) is None for sample in own):
            found += [sample for sample in samples if getattr(sample, field) is not None][:1]
    for several in ("negatives", "near_texts", "near_images"):
        richest = max(samples, key=lambda sample: len(getattr(sample, several)))
        if len(getattr(richest, several)) > max(len(getattr(sample, several)) for sample in own):
            found.append(richest)
    return found


def _first_rows(nested: Mapping[str, Any], count: int) -> dict[str, Any]:
    return {name: _first_rows(value, count) if isinstance(value, Mapping) else value[:count] for name, value in nested.items()}
