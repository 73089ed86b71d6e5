"""Which words stand together: a corpus as pairs of window and word."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Held:
    """Which words the windows of a block hold, in stretches of windows: however long the windows, not more stretches than words."""

    windows: int
    """Their numbers lie below this; those that hold no word count for nothing."""
    words: Places
    """(stretches,) places in the vocabulary."""
    first: Places
    """(stretches,) the first window of the stretch: it and all others of the stretch hold the word. Stretches of one word are apart."""
    behind: Places
    """(stretches,) the window behind the last one, above ``first``."""

    def of(self, chosen: NDArray[np.bool_]) -> Held:
        """Some of the stretches."""
        return Held(self.windows, self.words[chosen], self.first[chosen], self.behind[chosen])

    def before(self) -> Places:
        """(windows + 1,) how many of the windows before each one hold a word."""
        changes = np.bincount(self.first, minlength=self.windows + 1) - np.bincount(self.behind, minlength=self.windows + 1)
        return np.append(0, np.cumsum(np.cumsum(changes)[:-1] > 0))

    @property
    def filled(self) -> int:
        """Windows that hold a word."""
        return int(self.before()[-1])


def windows(
    block: Block, window: Window, *, patterns: tuple[Pattern, ...], particles: NDArray[np.int32], left_out: NDArray[np.bool_]
) -> Held:
    """Every window with every different word in it.

    Args:
        block: the words.
        window: a sentence; a document; the two words of a match; or that many consecutive words of a sentence, where a shorter
            sentence is one window.
        patterns: what matches, for ``pattern``.
        particles: words that matching looks past.
        left_out: (words,) words that are as if they were not there.
    """
    if isinstance(window, int):
        return _sliding(block, window, ~left_out)
    if window == "pattern":
        first, second = matches(block, patterns, particles)
        kept = ~(left_out[first] | left_out[second])
        first, second = first[kept], second[kept]
        numbers = np.tile(np.arange(len(first)), 2)
        places = np.concatenate([first, second])
    else:
        places = np.flatnonzero(~left_out)
        numbers = (block.texts if window == "document" else block.sentences)[places]
    words = block.words[places].astype(np.int64)
    width = int(words.max(initial=0)) + 1
    numbers, words = np.divmod(np.unique(numbers * width + words), width)
    return Held(int(numbers.max(initial=-1)) + 1, words, numbers, numbers + 1)


def _sliding(block: Block, size: int, kept: NDArray[np.bool_]) -> Held:
    """Windows of ``size`` words that begin at every word from which so many follow in the sentence; their numbers are where they begin.

    A word is in the windows that begin from ``size - 1`` words before it up to itself. Where such stretches of one word overlap, the
    later one begins behind the earlier.
    """
    length = len(block.words)
    starts = np.flatnonzero(block.gaps >= Gap.SENTENCE)
    ends = np.append(starts[1:], length)
    places = np.flatnonzero(kept)
    places = places[np.argsort(block.words[places], kind="stable")]
    words, sentences = block.words[places].astype(np.int64), block.sentences[places]
    first = np.maximum(places - size + 1, starts[sentences])
    behind = np.minimum(places, np.maximum(ends[sentences] - size, starts[sentences])) + 1
    again = words[1:] == words[:-1]
    first[1:][again] = np.maximum(first[1:], behind[:-1])[again]
    return Held(length, words, first, behind).of(first < behind)
