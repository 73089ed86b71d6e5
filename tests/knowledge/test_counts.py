from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_reviews import KnownWords
from polysense.knowledge.aspects import count_pairs
from polysense.knowledge.counts import Counting, count_seeds, count_words
from polysense.knowledge.encoded import EncodedCorpus, encode
from polysense.knowledge.windows import Window

WORDS = ["good", "bad", "bright", "weak", "screen", "battery", "not", "is"]
TEXTS = st.lists(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join), min_size=1, max_size=3).map(". X ".join),
    min_size=1,
    max_size=6,
)
SEVERAL = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def encoded(texts: list[str], folder: Path) -> EncodedCorpus:
    return encode(texts, KnownWords(), "en", folder)


def loops(counting: Counting) -> list[set[int]]:
    """Every window by itself."""
    found = []
    for block in counting.corpus.blocks():
        left_out = counting.left_out(block)
        runs = block.texts if counting.window == "document" else block.sentences
        for number in np.unique(runs):
            run = np.flatnonzero(runs == number)
            size = counting.window if isinstance(counting.window, int) else len(run)
            for start in range(max(len(run) - size, 0) + 1):
                found.append({int(block.words[place]) for place in run[start : start + size] if not left_out[place]})
    return [window for window in found if window]


@pytest.mark.parametrize("window", ["sentence", "document", 2, 5])
@SEVERAL
@given(TEXTS, st.booleans(), st.integers(1, 30))
def test_counts_equal_those_of_loops(window: Window, tmp_path: Path, texts: list[str], skip_negated: bool, length: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polysense.knowledge.encoded.BLOCK", length)
        counting = Counting(encoded(texts, tmp_path), "en", window, None, skip_negated)
        expected, size = loops(counting), len(counting.corpus.vocabulary)
        counts = count_words(counting)
        assert counts.windows == len(expected)
        assert counts.holding.tolist() == [sum(word in one for one in expected) for word in range(size)]
        assert counts.tags.sum() == counting.corpus.size
        half = size // 2
        sides = np.arange(half)[::2], np.arange(half)[1::2]
        words = np.arange(half, size)
        found = count_seeds(counting, words, sides)
        seeds = np.concatenate(sides)
        assert found.together.tolist() == [
            [sum({int(word), int(seed)} <= one for one in expected) for seed in seeds] for word in words
        ]
        assert found.hits == tuple(sum(not one.isdisjoint(side.tolist()) for one in expected) for side in sides)


@SEVERAL
@given(TEXTS, st.integers(1, 30))
def test_pairs_are_the_same_in_however_many_blocks(tmp_path: Path, texts: list[str], length: int) -> None:
    corpus = encoded([*texts, "good screen", "bad battery", "good screen"], tmp_path)
    lexicon = np.array([place for place, word in enumerate(corpus.vocabulary) if word in {"good", "bad", "bright"}])
    counting = Counting(corpus, "en", "sentence", None)
    whole = count_pairs(counting, lexicon)
    assert whole["screen", "good"] >= 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polysense.knowledge.encoded.BLOCK", length)
        assert count_pairs(counting, lexicon) == whole
