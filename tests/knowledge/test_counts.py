from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_reviews import KnownWords
from polysense.knowledge.aspects import count_pairs
from polysense.knowledge.counts import Counting, count_seeds, count_words
from polysense.knowledge.encoded import EncodedCorpus, encode
from polysense.knowledge.gaps import Gap
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


SIGNED = st.lists(
    st.tuples(
        st.sampled_from([*WORDS, "no", "doubt", "only", "room"]), st.sampled_from(["", "", "", ",", " (", ".", '"', "\n"])
    ),
    min_size=1,
    max_size=20,
).map(lambda parts: " ".join(word + sign for word, sign in parts))


@SEVERAL
@given(st.lists(SIGNED, min_size=1, max_size=5), st.booleans(), st.integers(1, 30))
def test_clauses_and_negation_equal_those_of_loops(tmp_path: Path, texts: list[str], skip_negated: bool, length: int) -> None:
    lexicon = {"good", "bad", "bright"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polysense.knowledge.encoded.BLOCK", length)
        corpus = encoded(texts, tmp_path)
        counting = Counting(corpus, "en", "sentence", None, skip_negated)
        expected: Counter[tuple[str, str]] = Counter()
        for block in corpus.blocks():
            words = [corpus.vocabulary[word] for word in block.words]
            gaps = [*block.gaps.tolist(), 9]  # gaps[place] stands before the word
            for place in (place for place, word in enumerate(words) if word in lexicon):
                near = {
                    other: max(gaps[min(place, other) + 1 : max(place, other) + 1])
                    for other in range(len(words))
                    if other != place
                }
                negated = any(
                    place - 3 <= other < place
                    and near[other] < Gap.CLAUSE
                    and words[other] in {"no", "not"}
                    and (words[other : other + 2] not in (["no", "doubt"], ["not", "only"]) or gaps[other + 1] > Gap.JOINED)
                    for other in near
                )
                nouns = [
                    (near[other] >= Gap.CLAUSE, abs(other - place), place > other, other)
                    for other in near
                    if abs(other - place) <= 3 and near[other] < Gap.SENTENCE and words[other] in {"screen", "battery", "room"}
                ]
                if nouns and not (negated and skip_negated):
                    expected[words[min(nouns)[-1]], words[place]] += 1
        places = np.array([place for place, word in enumerate(corpus.vocabulary) if word in lexicon], np.int64)
        assert count_pairs(counting, places) == expected


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
