"""Pictures, sound and film that nobody has looked at yet: those that cannot be used are noted, the others are read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from polysense.data.collate import Prepares
from polysense.errors import DataError
from polysense.types import Fields, Sample

MEDIA = ("image", "audio", "video")
"""The modalities that are files or come from such."""


class Media:
    """Prepares what the encoder of a modality reads; a blank row stands in for what cannot be used.

    Args:
        encoder: of the modality.
        modality: ``image``, ``audio`` or ``video``.
    """

    def __init__(self, encoder: Prepares, modality: str) -> None:
        self.encoder = encoder
        self.modality = modality
        self.faults: dict[int, str] = {}
        """``index`` of a sample -> ``image: `` and why it cannot be used. Whoever asks starts with an empty one."""

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """The tensors, a row a sample."""
        try:
            return self.encoder.prepare(samples)
        except DataError:
            return self.encoder.prepare([self._sound(sample) for sample in samples])

    def _sound(self, sample: Sample) -> Sample:
        try:
            self.encoder.prepare([sample])
        except DataError as error:
            reason = str(error).removeprefix(f"{sample.origin}, {self.modality}: ")  # whoever tells it names the row
            self.faults.setdefault(sample.index, f"{self.modality}: {reason}")
            return replace(sample, **{self.modality: None})  # type: ignore[arg-type]  # the name of a medium
        return sample


def watched(encoders: Mapping[str, Prepares]) -> tuple[dict[str, Media], dict[int, str]]:
    """The media among the encoders of a model, by modality, and the one dict in which all of them note their faults."""
    found = {name: Media(encoders[name], name) for name in MEDIA if name in encoders}
    faults: dict[int, str] = {}
    for media in found.values():
        media.faults = faults
    return found, faults
