"""Aspects: the nouns that sentiment words stand next to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from polysense.knowledge.counts import Counting
from polysense.knowledge.encoded import Block
from polysense.knowledge.occurrences import REACH
from polysense.knowledge.tagger import TAGS


def count_pairs(counting: Counting, words: NDArray[np.int64]) -> dict[tuple[str, str], int]:
    """How often each aspect stands next to each of the words, over the corpus, by the rule of `find`.

    Args:
        counting: the corpus.
        words: (words,) places in the vocabulary of the lexicon's words; none of them is an aspect, and no function word is.
    """
    vocabulary = counting.corpus.vocabulary
    lexicon = np.zeros(len(vocabulary), bool)
    lexicon[words] = True
    barred = lexicon.copy()
    barred[counting.function_words] = True  # taggers take "n't" and "something" for nouns
    nothing = np.empty(0, np.int64)
    found = [(nothing, nothing)]
    for block in counting.corpus.blocks():
        speaking = lexicon[block.words] & ~counting.left_out(block)
        places, aspects = nearest_nouns(block, speaking, barred)
        new = block.words[aspects].astype(np.int64) * len(vocabulary) + block.words[places]
        found.append(np.unique(new, return_counts=True))
        if sum(len(codes) for codes, _ in found[1:]) > len(found[0][0]):
            found = [
                _added(found)
            ]  # less than twice what is new is sorted, so all merging together sorts each number about twice
    codes, counts = _added(found)
    pairs = zip(*np.divmod(codes, len(vocabulary)), counts, strict=True)
    return {(vocabulary[aspect], vocabulary[word]): int(count) for aspect, word, count in pairs}


def _added(found: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Codes with their counts, each code once."""
    codes, inverse = np.unique(np.concatenate([codes for codes, _ in found]), return_inverse=True)
    counts = np.zeros(len(codes), np.int64)
    np.add.at(counts, inverse, np.concatenate([counts for _, counts in found]))
    return codes, counts


def nearest_nouns(
    block: Block, speaking: NDArray[np.bool_], barred: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each speaking word the nearest noun that is not barred, three words away at most.

    One of its own clause comes before any other of its sentence; of two that are equally near it is the right one.

    Args:
        block: the words.
        speaking: (words,) the sentiment words.
        barred: (vocabulary,) which words are no aspects: those of the lexicon, and function words.

    Returns:
        The places in the block of those that have one, and the places of their nouns: two arrays of equal length.
    """
    noun = (block.tags == TAGS.index("NOUN")) & ~barred[block.words]
    length = len(block.words)
    waiting = np.flatnonzero(speaking)
    nouns = np.full(length, -1)
    steps = [move for distance in range(1, REACH + 1) for move in (distance, -distance)]
    for bounds, step in product((block.clauses, block.sentences), steps):
        there = waiting + step
        inside = (there >= 0) & (there < length)
        here, there = waiting[inside], there[inside]
        found = noun[there] & (bounds[there] == bounds[here])
        nouns[here[found]] = there[found]
        waiting = waiting[nouns[waiting] < 0]
    places = np.flatnonzero(nouns >= 0)
    return places, nouns[places]
