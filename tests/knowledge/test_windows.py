from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polysense.errors import RecipeError
from polysense.knowledge.encoded import NEW_TEXT, Block
from polysense.knowledge.gaps import Gap
from polysense.knowledge.patterns import PATTERNS, matches
from polysense.knowledge.tagger import TAGS
from polysense.knowledge.windows import Held, check_window, windows

NONE = np.empty(0, np.int32)


@st.composite
def blocks(draw) -> Block:
    size = draw(st.integers(1, 25))
    numbers = st.lists(st.integers(0, 5), min_size=size, max_size=size)
    gaps = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2, NEW_TEXT]), min_size=size, max_size=size))
    gaps[0] = NEW_TEXT
    tags = draw(st.lists(st.integers(0, len(TAGS) - 1), min_size=size, max_size=size))
    return Block(np.array(draw(numbers), np.int32), np.array(tags, np.uint8), np.array(gaps, np.uint8))


def runs(block: Block, border: int) -> list[list[int]]:
    """The places of the words between borders."""
    found: list[list[int]] = []
    for place, gap in enumerate(block.gaps):
        if gap >= border:
            found.append([])
        found[-1].append(place)
    return found


def by_window(held: Held) -> list[list[int]]:
    assert (held.first < held.behind).all()
    sets: dict[int, list[int]] = {}
    for word, first, behind in zip(held.words.tolist(), held.first.tolist(), held.behind.tolist(), strict=True):
        for number in range(first, behind):
            assert 0 <= number < held.windows
            sets.setdefault(number, []).append(word)
    assert held.filled == len(sets)
    assert held.before().tolist() == [sum(one < number for one in sets) for number in range(held.windows + 1)]
    return sorted(map(sorted, sets.values()))


def found(block: Block, window, left_out: np.ndarray | None = None) -> list[list[int]]:
    nothing = np.zeros(len(block.words), bool) if left_out is None else left_out
    return by_window(windows(block, window, patterns=PATTERNS, particles=NONE, left_out=nothing))


@settings(max_examples=60, deadline=None)
@given(blocks(), st.integers(2, 6), st.data())
def test_windows_equal_those_of_loops(block: Block, size: int, data) -> None:
    marks = data.draw(st.lists(st.booleans(), min_size=len(block.words), max_size=len(block.words)))
    left_out = np.array(marks, bool)

    def expected(places: list[list[int]]) -> list[list[int]]:
        sets = [sorted({int(block.words[place]) for place in window if not left_out[place]}) for window in places]
        return sorted(window for window in sets if window)

    sentences = runs(block, Gap.SENTENCE)
    assert found(block, "document", left_out) == expected(runs(block, NEW_TEXT))
    assert found(block, "sentence", left_out) == expected(sentences)
    sliding = [run[start : start + size] for run in sentences for start in range(max(len(run) - size, 0) + 1)]
    assert found(block, size, left_out) == expected(sliding)


@settings(max_examples=100, deadline=None)
@given(blocks(), st.sets(st.integers(0, 5), max_size=2))
def test_patterns_match_as_in_loops(block: Block, particles: set[int]) -> None:
    expected = []
    for run in runs(block, Gap.SIGN):
        seen = [place for place in run if int(block.words[place]) not in particles]
        tags = [TAGS[block.tags[place]] for place in seen]
        for at in range(len(seen) - 1):
            third = tags[at + 2] if at + 2 < len(seen) else None
            if any(tags[at : at + 2] == [one, two] and (free or third != "NOUN") for one, two, free in PATTERNS):
                expected.append((seen[at], seen[at + 1]))
    first, second = matches(block, PATTERNS, np.array(sorted(particles), np.int32))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == expected


def test_a_match_is_a_window() -> None:
    tags = [TAGS.index(tag) for tag in ("ADJ", "NOUN", "VERB", "ADV", "ADJ")]
    block = Block(np.arange(5, dtype=np.int32), np.array(tags, np.uint8), np.array([NEW_TEXT, 0, 0, 0, 0], np.uint8))
    assert found(block, "pattern") == [[0, 1], [3, 4]]
    assert found(block, "pattern", np.array([0, 0, 0, 1, 0], bool)) == [[0, 1]]


@pytest.mark.parametrize("sentence", [40, 20_000])
def test_long_windows_need_no_more_memory_than_short_ones(sentence: int) -> None:
    size = 20_000
    gaps = np.where(np.arange(size) % sentence == 0, NEW_TEXT, 0).astype(np.uint8)
    block = Block(np.arange(size, dtype=np.int32) % 300, np.zeros(size, np.uint8), gaps)
    _ = block.sentences  # counted once, for all windows
    peaks = []
    for window in (3, 5000):
        tracemalloc.start()
        windows(block, window, patterns=(), particles=NONE, left_out=np.zeros(size, bool)).before()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] <= 1.5 * peaks[0] < 30 * 8 * size


@pytest.mark.parametrize("wrong", ["words", 0, 1, True])
def test_a_window_that_holds_no_pair_is_refused(wrong) -> None:
    with pytest.raises(RecipeError, match="window"):
        check_window(wrong)
