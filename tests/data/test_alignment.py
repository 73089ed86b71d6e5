from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polysense.data.alignment import Alignment

rows = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=12)
"""Blanks before each token, and its characters."""


def spans_of(row: list[tuple[int, int]]) -> list[tuple[int, int]]:
    spans, place = [(0, 0)], 0
    for blanks, size in row:
        spans.append((place + blanks, place + blanks + size))
        place += blanks + size
    return [*spans, (0, 0), (0, 0)]


@given(rows, st.integers(0, 40), st.integers(1, 6))
def test_the_tokens_of_some_characters_are_those_that_overlap_them(row: list[tuple[int, int]], start: int, size: int) -> None:
    spans = spans_of(row)
    expected = [place for place, (first, last) in enumerate(spans) if first < start + size and start < last]
    assert list(Alignment.of(spans).tokens(start, start + size)) == expected
    assert Alignment.of(spans).end == max(end for _, end in spans)


def test_tokens_of_one_character_belong_together() -> None:
    """A tokenizer of bytes needs several tokens for one character; another may give a word's mark a character of the word."""
    assert list(Alignment.of([(0, 0), (0, 1), (0, 1), (1, 2)]).tokens(0, 1)) == [1, 2]
    assert list(Alignment.of([(0, 1), (0, 2), (2, 3)]).tokens(0, 2)) == [0, 1]


def test_a_token_inside_that_stands_for_no_character_disturbs_nothing() -> None:
    alignment = Alignment.of([(0, 0), (0, 3), (0, 0), (4, 6), (0, 0)])
    assert [list(alignment.tokens(start, start + 1)) for start in (0, 4)] == [[1], [3]]
    assert list(Alignment.of([(0, 0)]).tokens(0, 5)) == []
