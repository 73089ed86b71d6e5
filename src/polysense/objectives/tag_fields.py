"""Words about a picture that stand in a column of the table, as tokens to be read with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polysense.encoders.transformer_text import TransformerText
from polysense.types import Fields, Sample


@dataclass(frozen=True)
class TagFields:
    """Prepares the fields ``tags`` (batch, time) int64 and ``tags.real`` (batch, time) bool, all False in rows without such words."""

    encoder: TransformerText
    column: str

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """The tokens, ``[CLS] tags [SEP]``, padded to the longest."""
        found = [tags_of(sample, self.column) for sample in samples]
        stand_ins = [Sample(id=sample.id, text=tags or "") for sample, tags in zip(samples, found, strict=True)]
        fields = self.encoder.prepare(stand_ins)
        real = fields["attention_mask"].bool()
        for row, tags in enumerate(found):
            real[row] &= tags is not None
        return {"tags": fields["input_ids"], "tags.real": real}


def tags_of(sample: Sample, column: str) -> str | None:
    """What stands in the column; None where there is nothing."""
    return sample.extra.get(column, "").strip() or None
