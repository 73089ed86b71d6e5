"""An aspect before its text: what a tokenizer and a network must offer to read the two as a pair."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from polysense.data.media import content_key, normalised
from polysense.errors import RecipeError
from polysense.types import Sample

MISSING = "the model reads an aspect with each text, the row has none"
"""What is wrong with a row that only has a text."""


def refuse_unpaired(tokenizer: Any, pretrained: str, *, what: str) -> None:
    """Raise where nothing would stand between the two of a pair; ``what`` names the choice that asks for pairs.

    Raises:
        RecipeError: names the encoder.
    """
    if tokenizer.num_special_tokens_to_add(pair=True) == 0:
        raise RecipeError(f"{what}: the tokenizer of {pretrained!r} has no token that parts the two of a pair")


def takes_segments(tokenizer: Any, backbone: Any) -> bool:
    """Whether the network tells a first segment from a second one, and the tokenizer says which is which."""
    known = int(getattr(backbone.config, "type_vocab_size", None) or 0)
    read = "token_type_ids" in inspect.signature(backbone.forward).parameters
    return known > 1 and read and "token_type_ids" in tokenizer.model_input_names


MOST_LENGTHS = 100_000
"""Aspects whose length is kept; a table has some thousand."""


class AspectLengths:
    """How many tokens aspects take, each counted once: an epoch asks for every row's, and many rows have the same.

    Args:
        tokenizer: of the texts.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._known: dict[str, int] = {}

    def of(self, aspect: str) -> int:
        """Its tokens, without special ones."""
        if aspect not in self._known:
            if len(self._known) >= MOST_LENGTHS:
                self._known.clear()
            self._known[aspect] = len(self.tokenizer(aspect, add_special_tokens=False, verbose=False)["input_ids"])
        return self._known[aspect]


def aspects_of(samples: Sequence[Sample]) -> list[str]:
    """Of each row; blank for rows without a text, which are not present."""
    return ["" if sample.text is None else sample.aspect or "" for sample in samples]


def pair_key(beside: str | None, text: str | None) -> int:
    """Equal where the text and what stands with it are equal content, see :func:`polysense.data.media.content_key`."""
    if text is None:
        return content_key(None)
    return content_key(f"{normalised(beside or '')}\0{normalised(text)}")
