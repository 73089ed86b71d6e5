"""Which words stand together: a corpus as pairs of window and word."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from polysense.errors import RecipeError
from polysense.knowledge.encoded import Block
from polysense.knowledge.gaps import Gap
from polysense.knowledge.patterns import Pattern, matches
from polysense.knowledge.tagger import Language

Window = Literal["sentence", "document", "pattern"] | int
DEFAULTS: dict[Language, Window] = {"en": "sentence", "zh": "document"}

Places = NDArray[np.int64]


def check_window(window: Window) -> Window:
    """The window as it was given. Raises RecipeError where there is no such window."""
    if isinstance(window, int) and not isinstance(window, bool):
        if window < 2:
            raise RecipeError(f"window: {window} words hold no pair of words; at least 2")
    elif window not in ("sentence", "document", "pattern"):
        raise RecipeError(f"window: {window!r}; valid: 'sentence', 'document', 'pattern', or a whole number of words")
    return window


def windows(
    block: Block, window: Window, *, patterns: tuple[Pattern, ...], particles: NDArray[np.int32], left_out: NDArray[np.bool_]
) -> tuple[Places, Places]:
    """Every window with every different word in it.

    Args:
        block: the words.
        window: a sentence; a document; the two words of a match; or that many consecutive words of a sentence, where a shorter
            sentence is one window.
        patterns: what matches, for ``pattern``.
        particles: words that matching looks past.
        left_out: (words,) words that are as if they were not there.

    Returns:
        The numbers of the windows, from 0 on, and places in the vocabulary: two arrays of equal length, sorted, without repetition.
    """
    if window == "pattern":
        first, second = matches(block, patterns, particles)
        kept = ~(left_out[first] | left_out[second])
        first, second = first[kept], second[kept]
        numbers = np.tile(np.arange(len(first)), 2)
        places = np.concatenate([first, second])
    elif isinstance(window, int):
        numbers, places = _sliding(block, window)
    else:
        numbers = block.texts if window == "document" else block.sentences
        places = np.arange(len(block.words))
    kept = ~left_out[places]
    numbers, words = numbers[kept], block.words[places[kept]].astype(np.int64)
    if not len(words):
        return numbers, words
    width = int(words.max()) + 1
    together = np.unique(numbers * width + words)
    numbers, words = np.divmod(together, width)
    return np.unique(numbers, return_inverse=True)[1], words


def _sliding(block: Block, size: int) -> tuple[Places, Places]:
    """Windows of ``size`` words that begin at every word from which so many follow in the sentence."""
    length = len(block.words)
    starts = np.flatnonzero(block.gaps >= Gap.SENTENCE)
    ends = np.append(starts[1:], length)
    last_start = np.maximum(ends - size, starts)[block.sentences]
    begins = np.flatnonzero(np.arange(length) <= last_start)
    stops = np.minimum(begins + size, ends[block.sentences[begins]])
    numbers = np.repeat(np.arange(len(begins)), stops - begins)
    offsets = np.arange(len(numbers)) - np.repeat(np.cumsum(stops - begins) - (stops - begins), stops - begins)
    return numbers, begins[numbers] + offsets
