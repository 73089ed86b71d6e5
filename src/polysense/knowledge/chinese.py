"""Chinese words and their tags by the dictionary of jieba, in the fast build of rjieba (extra ``knowledge``)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from polysense.errors import PolysenseError
from polysense.knowledge.english import look_up_form
from polysense.knowledge.tagger import Tag, Tagger, Token

_HALVES = re.compile("[\ud800-\udfff]")
"""Halves of surrogate pairs, which are no characters. Each is read as a sign, as in English, so that no other one moves."""

_KINDS: dict[str, Tag] = {"n": "NOUN", "a": "ADJ", "z": "ADJ", "i": "ADJ", "d": "ADV", "v": "VERB"}
"""By the first letter of the dictionary's tag. Idioms (i) and states (z) say how something is, as adjectives do."""


class JiebaTagger(Tagger):
    """Words of the dictionary, and unknown ones by its statistics of characters.

    Raises:
        PolysenseError: when it first tags, if the extra is not installed.
    """

    @property
    def name(self) -> str:
        """With the release of rjieba."""
        from importlib.metadata import version

        _segment()
        return f"rjieba {version('rjieba')}"

    def tag(self, text: str) -> list[Token]:
        """Pieces without a letter, a digit or a character are left out."""
        found: list[Token] = []
        start = 0
        for word, tag in _segment()(_HALVES.sub("\ufffd", text)):
            end = start + len(word)
            if word.isalnum() or any(character.isalnum() for character in word):
                found.append(Token(look_up_form(word), _KINDS.get(tag[:1], "OTHER"), start, end))
            start = end
        return found


@cache
def _segment() -> Callable[[str], list[tuple[str, str]]]:
    try:
        import rjieba
    except ImportError:
        raise PolysenseError("Chinese words need rjieba: pip install 'polysense[knowledge]'") from None
    tag: Callable[[str], list[tuple[str, str]]] = rjieba.tag
    return tag
