"""Counting over a corpus, block by block: how often words occur, with which tags, and together with which seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from polysense.knowledge.encoded import Block, EncodedCorpus
from polysense.knowledge.function_words import FUNCTION_WORDS
from polysense.knowledge.gaps import Gap
from polysense.knowledge.occurrences import NEGATORS, NO_NEGATION, REACH
from polysense.knowledge.patterns import PARTICLES, Pattern, matches
from polysense.knowledge.tagger import TAGS, Language
from polysense.knowledge.windows import Held, Window, windows

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
    """Whether words with a negator at most three words to their left, in their clause, are as if they were not there."""

    def windows(self) -> Iterator[tuple[Block, Held]]:
        """Per block what its windows hold."""
        patterns = self.patterns or ()
        for block in self.corpus.blocks():
            left_out = self.left_out(block)
            yield block, windows(block, self.window, patterns=patterns, particles=self.particles, left_out=left_out)

    @cached_property
    def particles(self) -> NDArray[np.int32]:
        """The places in the vocabulary of what patterns look past."""
        return self._numbers(PARTICLES)

    @cached_property
    def negators(self) -> NDArray[np.int32]:
        """The places in the vocabulary of the language's negators."""
        return self._numbers(NEGATORS[self.language])

    @cached_property
    def no_negation(self) -> list[tuple[int, int]]:
        """The places in the vocabulary of a negator and the word that makes it none."""
        phrases = NO_NEGATION[self.language]
        wanted = {word for phrase in phrases for word in phrase}
        numbers = {word: place for place, word in enumerate(self.corpus.vocabulary) if word in wanted}
        return [(numbers[one], numbers[other]) for one, other in phrases if one in numbers and other in numbers]

    @cached_property
    def function_words(self) -> NDArray[np.int32]:
        """The places in the vocabulary of the language's function words; negators are among them."""
        return self._numbers(FUNCTION_WORDS[self.language])

    def _numbers(self, words: Iterable[str]) -> NDArray[np.int32]:
        wanted = set(words)
        return np.array([place for place, word in enumerate(self.corpus.vocabulary) if word in wanted], np.int32)

    def left_out(self, block: Block) -> NDArray[np.bool_]:
        """(words,) which words are as if they were not there."""
        if not self.skip_negated:
            return np.zeros(len(block.words), bool)
        negating = np.isin(block.words, self.negators)
        joined = block.gaps[1:] == Gap.JOINED
        for negator, following in self.no_negation:
            negating[:-1] &= ~(joined & (block.words[:-1] == negator) & (block.words[1:] == following))
        return near_left(negating, block.clauses)


def near_left(marked: NDArray[np.bool_], clauses: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(words,) whether a marked word stands at most three words to the left in the same clause."""
    found = np.zeros(len(marked), bool)
    for distance in range(1, REACH + 1):
        found[distance:] |= marked[:-distance] & (clauses[distance:] == clauses[:-distance])
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
    """One pass over the corpus. A block costs what it holds, however large the vocabulary."""
    size = len(counting.corpus.vocabulary)
    holding = np.zeros(size, np.int64)
    tags = np.zeros((size, len(TAGS)), np.int64)
    in_pattern = np.full(size, counting.patterns is None)
    total = 0
    for block, held in counting.windows():
        total += held.filled
        np.add.at(holding, held.words, held.behind - held.first)
        np.add.at(tags.reshape(-1), block.words.astype(np.int64) * len(TAGS) + block.tags, 1)
        if counting.patterns is not None:
            in_pattern[block.words[np.concatenate(matches(block, counting.patterns, counting.particles))]] = True
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
    together = np.zeros((len(seeds), len(words)), np.int64)
    hits = [0, 0]
    for _, held in counting.windows():
        seeding = held.of(columns[held.words] >= 0)
        seeds_before = seeding.before()
        others = held.of((rows[held.words] >= 0) & (seeds_before[held.behind] > seeds_before[held.first]))
        places, here = rows[others.words], columns[seeding.words]
        for column in np.unique(here):
            before = seeding.of(here == column).before()
            both = before[others.behind] - before[others.first]
            together[column] += np.bincount(places, both, len(words)).astype(np.int64)
        for side, chosen in enumerate((here < len(sides[0]), here >= len(sides[0]))):
            hits[side] += seeding.of(chosen).filled
    return SeedCounts(together.T, (hits[0], hits[1]))
