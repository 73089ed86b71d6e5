from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysense.data.markup import INNER, without_markup


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a<br />b", "a\n     b"),
        ("a<BR>b</p>", "a\n   b\n   "),
        ("a <b>good</b> <i class='x, y' id=1>one</i>", "a    good                          one    "),
        ('<a href="http://x.de/?a=b&amp;c">it</a>', " " * 33 + "it    "),
        ("a&lt;br /&gt;b", "a\n           b"),
        ("a<!-- no, <b>words</b>\n -->b", "a" + " " * 26 + "b"),
        ("a&mdash;b&nbsp;c&#x2c;", "a—      b\xa0     c,     "),
        ("isn&#39;t Bob&rsquo;s 90&#x27;s", f"isn'{INNER * 4}t Bob’{INNER * 6}s 90'{INNER * 5}s"),
        ("&#39;so&#39; dogs&apos; &#39;", "'    so'     dogs'      '    "),
        ("caf&eacute; &#233;", "caf         " + " " * 6),
        ("R&D; a &foo; b & c;", "R&D; a &foo; b & c;"),
        ("I <3 it, a < b and c > d, <good> <c and d>", "I <3 it, a < b and c > d, <good> <c and d>"),
        ("<brown> <b and c> <i", "<brown> <b and c> <i"),
    ],
)
def test_tags_and_entities_are_blanks_of_the_same_length(text: str, expected: str) -> None:
    assert without_markup(text) == expected


pieces = st.sampled_from(
    ["<", ">", "/", "br", "b", " ", "&", "lt;", "amp;", "#33;", "=", "'", '"', "!--", "-->", "word", "好", "\n"]
)


@given(st.lists(pieces, max_size=30).map("".join))
def test_no_other_character_moves_and_there_is_nothing_left_to_blank(text: str) -> None:
    found = without_markup(text)
    assert len(found) == len(text)
    assert all(one == other or one.isspace() or not one.isalnum() for one, other in zip(found, text, strict=True))


@pytest.mark.parametrize("text", ["<a x=1 " * 20_000, "<!-- " * 20_000, "&" * 100_000, "<b" + " a=b" * 40_000])
def test_long_texts_of_broken_markup_take_no_time(text: str) -> None:
    start = time.perf_counter()
    assert without_markup(text) == text
    assert time.perf_counter() - start < 2
