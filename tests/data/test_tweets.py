from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysense.data.tweets import normalized


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@Ann_B look: https://t.co/aB3?x=1.", "@USER look : HTTPURL ."),
        ("(www.example.org/a) and http://x.y", "( HTTPURL ) and HTTPURL"),
        ("write to ann@example.org, not @ann", "write to ann@example.org , not @USER"),
        ("Tom &amp;amp; Jerry &lt;3", "Tom & Jerry <3"),
        ("so good 😂😂", "so good :face_with_tears_of_joy: :face_with_tears_of_joy:"),
        ("a family 👨‍👩‍👧 and ❤️", "a family :family_man_woman_girl: and :red_heart:"),
        ("don’t, it’s, we're, I'd, can't, ain't, cannot", "do n't , it 's , we 're , I 'd , can't , ain't , can not"),
        ("wait… no", "wait ... no"),
        ("at 7 p.m. or 10:30 a.m.", "at 7 p.m. or 10:30 a.m."),
        ("at 7 p.m.!", "at 7 p.m. !"),
        ("#NoFilter, 3.5% more :-) :D", "#NoFilter , 3.5% more :-) :D"),
        ("two\n lines\tand  gaps", "two lines and gaps"),
        ("no emoji :nothing_of_that_name: here", "no emoji : nothing_of_that_name : here"),
        ("rock 'n' roll", "rock ' n ' roll"),
        ("@", "@"),
        ("", ""),
        ("   ", ""),
        ("今天 天氣 好", "今天 天氣 好"),
    ],
)
def test_rules(text: str, expected: str) -> None:
    assert normalized(text) == expected


PIECES = st.sampled_from(
    [
        *"'.:@&;",
        "@ann",
        "http://a.b/c",
        "www.x.y",
        "&amp;",
        "&#39;",
        "😂",
        "❤️",
        ":smile:",
        "don't",
        "’s",
        "…",
        "p.m.",
        "can't",
        "n't",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=12).map("".join))
def test_twice_is_once(text: str) -> None:
    once = normalized(text)
    assert normalized(once) == once


@given(st.text(max_size=40))
def test_tokens_are_joined_by_single_spaces(text: str) -> None:
    assert normalized(text).split() == normalized(text).split(" ") or not normalized(text)
