"""Patterns of tags that phrases of opinion have, after Turney (2002)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polysense.knowledge.encoded import Block
from polysense.knowledge.gaps import Gap
from polysense.knowledge.tagger import TAGS, Tag


class Pattern(NamedTuple):
    """Two words that follow each other with nothing but blanks between them."""

    first: Tag
    second: Tag
    before_noun: bool
    """Whether the word that follows them may be a noun."""


PATTERNS: tuple[Pattern, ...] = (
    Pattern("ADJ", "NOUN", before_noun=True),
    Pattern("ADV", "ADJ", before_noun=False),
    Pattern("ADJ", "ADJ", before_noun=False),
    Pattern("NOUN", "ADJ", before_noun=False),
    Pattern("ADV", "VERB", before_noun=True),
)
"""The five that are standard, recalled from the paper's tradition."""

PARTICLES = ("的", "地", "得")
"""Chinese words that patterns look past."""


def matches(
    block: Block, patterns: tuple[Pattern, ...], particles: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places in the block of the first and of the second word of every match: two arrays of equal length."""
    seen = np.flatnonzero(~np.isin(block.words, particles))
    tags = block.tags[seen]
    stretches = np.cumsum(block.gaps > Gap.JOINED)[seen]
    noun = TAGS.index("NOUN")
    joined = stretches[1:] == stretches[:-1]
    followed = np.append(joined[1:] & (tags[2:] == noun), False) if len(seen) > 1 else joined
    match = np.zeros(len(joined), bool)
    for first, second, before_noun in patterns:
        here = joined & (tags[:-1] == TAGS.index(first)) & (tags[1:] == TAGS.index(second))
        match |= here if before_noun else here & ~followed
    found = np.flatnonzero(match)
    return seen[found], seen[found + 1]
