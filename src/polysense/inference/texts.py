"""Texts that are asked about: those that are longer than the model reads are noted."""

from __future__ import annotations

from collections.abc import Sequence

from polysense.encoders.transformer_text import TransformerText
from polysense.types import Fields, Sample


class Texts:
    """Prepares what the encoder of texts reads.

    Args:
        encoder: of texts, in evaluation mode.
    """

    def __init__(self, encoder: TransformerText) -> None:
        self.encoder = encoder
        self._cut: list[int] = []

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """The tensors, a row a sample."""
        fields = self.encoder.prepare(samples)
        full = (fields["attention_mask"].sum(dim=1) >= self.encoder.max_length).tolist()
        shown = zip(samples, full, strict=True)
        self._cut += [sample.index for sample, is_full in shown if is_full and self.encoder.is_cut(sample)]
        return fields

    def take_cut(self) -> list[int]:
        """The ``index`` of each text that was cut since this was last asked."""
        cut, self._cut = self._cut, []
        return cut
