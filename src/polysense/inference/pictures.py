"""Pictures that nobody has looked at yet: those that cannot be used are noted, the others are decoded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from polysense.data.collate import Prepares
from polysense.errors import DataError
from polysense.types import Fields, Sample


class Pictures:
    """Prepares what the encoder of pictures reads; a blank row stands in for a picture that cannot be used.

    Args:
        encoder: of pictures.
    """

    def __init__(self, encoder: Prepares) -> None:
        self.encoder = encoder
        self.faults: dict[int, str] = {}
        """``index`` of a sample -> why its picture cannot be used. Whoever asks starts with an empty one."""

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
            self.faults[sample.index] = str(error)
            return replace(sample, image=None)
        return sample
