"""The words of the texts of a batch, by their tokens, and the tags of their marked spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from polysense.data.alignment import Alignment
from polysense.data.tags import Tags, in_words, without_overlaps
from polysense.data.words import words
from polysense.encoders.encoder import Encoder
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.types import Fields, Sample

TAGS = "spans"
FIRST = "spans.first"

NOTHING = -100
"""In the place of a tag, or of a token: there is no word, or the row is not marked."""


@dataclass(frozen=True, slots=True)
class ReadWords:
    """The words of one text that the encoder reads."""

    words: list[tuple[int, int]]
    """By their characters; without those that the tokenizer leaves out, such as control characters."""
    first: list[int]
    """The place of each word's first token in its row."""
    unread: int
    """Words behind the last token, and the one that it ends in: a longer text was cut there."""


@dataclass(frozen=True)
class SpanFields:
    """Prepares what :class:`polysense.objectives.span_tagging.SpanTagging` learns from. Equal ones prepare the same.

    Args:
        encoder: whose tokens they are.
        tags: of the roles.
    """

    encoder: TransformerText
    tags: Tags

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``spans`` (batch, words), the tags, and ``spans.first`` (batch, words), each word's first token; -100 where there is nothing.

        Of spans that overlap, the longest counts; of one that is cut off with its text, what is read.
        """
        read = read_words(samples, self.encoder)
        return {
            TAGS: padded([self._tags(sample, row) for sample, row in zip(samples, read, strict=True)]),
            FIRST: padded([row.first for row in read]),
        }

    def _tags(self, sample: Sample, row: ReadWords) -> list[int]:
        if sample.spans is None:
            return [NOTHING] * len(row.words)
        spans = without_overlaps(in_words(sample.spans, row.words))
        return self.tags.encode(spans, len(row.words))


def read_words(samples: Sequence[Sample], encoder: TransformerText) -> list[ReadWords]:
    """The words of each text, as the encoder in its present mode reads them."""
    laid = zip(samples, encoder.spans(samples), strict=True)
    return [_read(sample.text or "", Alignment.of(tokens)) for sample, tokens in laid]


def _read(text: str, alignment: Alignment) -> ReadWords:
    every = words(text)
    found = [(word, alignment.tokens(*word)) for word in every if alignment.holds(text, *word)]
    kept = [(word, tokens[0]) for word, tokens in found if tokens]
    return ReadWords([word for word, _ in kept], [first for _, first in kept], len(every) - len(found))


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """(rows, longest) int64, -100 behind the end of each row."""
    longest = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[NOTHING] * (longest - len(row))] for row in rows], dtype=torch.int64).reshape(
        len(rows), longest
    )


def marking_encoder(encoder: Encoder, asker: str) -> TransformerText:
    """The text encoder, if it gives the states of all tokens; ``asker`` is the objective, for messages.

    Raises:
        RecipeError: it does not.
    """
    if not isinstance(encoder, TransformerText):
        raise RecipeError(f"{asker}: the text encoder {type(encoder).__name__} has no tokens to mark; take TransformerText")
    if encoder.tokens != "all":
        raise RecipeError(f"{asker} needs the states of all tokens: write encoders.text.tokens: all")
    return encoder
