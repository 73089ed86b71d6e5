"""Counting over a corpus, block by block: how often words occur, with which tags, and together with which seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from polysense.knowledge.encoded import Block, EncodedCorpus
from polysense.knowledge.occurrences import NEGATORS, REACH
from polysense.knowledge.patterns import PARTICLES, Pattern, matches
from polysense.knowledge.tagger import TAGS, Language
from polysense.knowledge.windows import Places, Window, windows

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Counting:
    """A corpus and how it is cut into windows."""

    corpus: EncodedCorpus
    language: Language
    window: Window
    patterns: tuple[Pattern, ...] | None
    """None: every word counts as being in one."""
    skip_negated: bool = False
    """Whether words with a negator at most three words to their left are as if they were not there."""

    def windows(self) -> Iterator[tuple[Places, Places]]:
        """Per block: numbers of windows, places in the vocabulary."""
        particles = self.numbers(PARTICLES)
        for block in self.corpus.blocks():
            yield windows(block, self.window, patterns=self.patterns or (), particles=particles, left_out=self.left_out(block))

    def numbers(self, words: Sequence[str]) -> NDArray[np.int32]:
        """The places in the vocabulary of those words that are in it."""
        wanted = set(words)
        return np.array([place for place, word in enumerate(self.corpus.vocabulary) if word in wanted], np.int32)

    def left_out(self, block: Block) -> NDArray[np.bool_]:
        """(words,) which words are as if they were not there."""
        if not self.skip_negated:
            return np.zeros(len(block.words), bool)
        return near_left(np.isin(block.words, self.numbers(sorted(NEGATORS[self.language]))), block.sentences)


def near_left(marked: NDArray[np.bool_], sentences: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(words,) whether a marked word stands at most three words to the left in the same sentence."""
    found = np.zeros(len(marked), bool)
    for distance in range(1, REACH + 1):
        found[distance:] |= marked[:-distance] & (sentences[distance:] == sentences[:-distance])
    return found


@dataclass(frozen=True, slots=True)
class WordCounts:
    """What one pass finds of every word of the vocabulary."""

    windows: int
    """Windows with at least one word."""
    holding: Counts
    """(vocabulary,): windows that hold the word."""
    tags: Counts
    """(vocabulary, tags): occurrences with each tag."""
    in_pattern: NDArray[np.bool_]
    """(vocabulary,): whether it stands in a match of a pattern."""


def count_words(counting: Counting) -> WordCounts:
    """One pass over the corpus."""
    size = len(counting.corpus.vocabulary)
    holding = np.zeros(size, np.int64)
    tags = np.zeros((size, len(TAGS)), np.int64)
    in_pattern = np.full(size, counting.patterns is None)
    particles = counting.numbers(PARTICLES)
    total = 0
    for block, (numbers, words) in zip(counting.corpus.blocks(), counting.windows(), strict=True):
        total += int(numbers[-1]) + 1 if len(numbers) else 0
        holding += np.bincount(words, minlength=size)
        tags += np.bincount(block.words.astype(np.int64) * len(TAGS) + block.tags, minlength=tags.size).reshape(tags.shape)
        if counting.patterns is not None:
            in_pattern[block.words[np.concatenate(matches(block, counting.patterns, particles))]] = True
    return WordCounts(total, holding, tags, in_pattern)


@dataclass(frozen=True, slots=True)
class SeedCounts:
    """What one pass finds of words beside seeds."""

    together: Counts
    """(words, seeds): windows that hold both."""
    hits: tuple[int, int]
    """Windows with a seed of the negative side, of the positive side."""


def count_seeds(counting: Counting, words: NDArray[np.int64], sides: tuple[NDArray[np.int64], NDArray[np.int64]]) -> SeedCounts:
    """One pass over the corpus.

    Args:
        counting: the corpus.
        words: (words,) places in the vocabulary of those to count.
        sides: places of the negative and of the positive seeds; the columns of the result are in this order.
    """
    size = len(counting.corpus.vocabulary)
    seeds = np.concatenate(sides)
    rows, columns = np.full(size, -1), np.full(size, -1)
    rows[words], columns[seeds] = np.arange(len(words)), np.arange(len(seeds))
    together = np.zeros((len(words), len(seeds)), np.int64)
    hits = [0, 0]
    for numbers, held in counting.windows():
        if not len(numbers):
            continue
        total = int(numbers[-1]) + 1
        held_seeds = columns[held] >= 0
        with_seed = np.zeros(total, bool)
        with_seed[numbers[held_seeds]] = True
        held_words = with_seed[numbers] & (rows[held] >= 0)
        seeding = _matrix(numbers[held_seeds], columns[held[held_seeds]], (total, len(seeds)))
        others = _matrix(numbers[held_words], rows[held[held_words]], (total, len(words)))
        together += (others.T @ seeding).toarray()
        for side, start in ((0, 0), (1, len(sides[0]))):
            hits[side] += int((seeding[:, start : start + len(sides[side])].sum(axis=1) > 0).sum())
    return SeedCounts(together, (hits[0], hits[1]))


def _matrix(rows: Places, columns: Places, shape: tuple[int, int]) -> sparse.csr_array[np.int64]:
    return sparse.csr_array((np.ones(len(rows), np.int64), (rows, columns)), shape=shape)
