from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysense.data.markup import without_markup
from polysense.data.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A good screen!", ["A", "good", "screen", "!"]),
        ("it's well-made, 3.5mm", ["it", "'", "s", "well", "-", "made", ",", "3", ".", "5mm"]),
        ("这家iPhone店,2024年", ["这", "家", "iPhone", "店", ",", "2024", "年"]),
        ("カメラはいい", ["カ", "メ", "ラ", "は", "い", "い"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("cafe\u0301s naïve", ["cafe\u0301s", "naïve"]),
        ("ok👍🏽👨\u200d👩\u200d👧 🇩🇪🇫🇷", ["ok", "👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "🇫🇷"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("\u0301a", ["\u0301", "a"]),
        ("soup.<br /><br />The <i>staff</i>&nbsp;too", ["soup", ".", "The", "staff", "too"]),
        ("it isn&#39;t", ["it", "isn", "&#39;", "t"]),
        ("", []),
        (" \n\u00a0", []),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in words(text)] == expected


@given(st.text(max_size=40))
def test_words_hold_every_character_but_white_space_once_and_in_order(text: str) -> None:
    found = words(text)
    covered = [place for start, end in found for place in range(start, end)]
    assert covered == sorted(set(covered))
    assert {place for place, character in enumerate(without_markup(text)) if not character.isspace()} == set(covered)
