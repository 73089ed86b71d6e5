"""The words of a text, by their characters: the units in which spans are marked."""

from __future__ import annotations

import re
import unicodedata

from polysense.data.markup import INNER, without_markup

_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan; Burmese; Khmer
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Kana
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
"""Scripts that put no spaces between words."""

_UNIT = re.compile(rf"[\U0001f1e6-\U0001f1ff]{{2}}|[{_UNSPACED}]|(?:(?![{_UNSPACED}])\w)+|\S")
"""A flag, a character of such a script, a run of letters and digits, or one other character."""

_JOINERS = "\u200c\u200d"
_SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"


def words(text: str) -> list[tuple[int, int]]:
    """The first character of each word and the one behind its last, from left to right; white space is in none, nor HTML.

    A word is a run of letters and digits; every sign is one by itself, and so is every character of a script without spaces. Accents
    and the parts of an emoji stay with what they belong to.
    """
    text = without_markup(text)
    found: list[tuple[int, int]] = []
    for match in _UNIT.finditer(text):
        start, end = match.span()
        if found and found[-1][1] == start and _belongs(text, found[-1], match.group()):
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found


def _belongs(text: str, before: tuple[int, int], unit: str) -> bool:
    """Whether a unit goes on with the word right before it."""
    last = text[before[1] - 1]
    if _extends(unit[0]) or last in _JOINERS:
        return True
    return _is_mark(last) and unit[0].isalnum() and text[before[0]].isalnum() and not re.match(f"[{_UNSPACED}]", unit)


def _extends(character: str) -> bool:
    return _is_mark(character) or character in _JOINERS or character in _SKIN_TONES or character == INNER


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")
