"""What stands between two neighbouring words: nothing but blanks, a sign, the bound of a clause, or the end of a sentence."""

from __future__ import annotations

import re
from enum import IntEnum

from polysense.knowledge.tagger import Language


class Gap(IntEnum):
    """From the narrowest to the widest."""

    JOINED = 0
    SIGN = 1
    """Inside a clause: quotation marks, hyphens and apostrophes, slashes, a full stop that ends nothing, any other sign."""
    CLAUSE = 2
    """A comma, semicolon, colon, dash or bracket."""
    SENTENCE = 3


_ENGLISH_END = re.compile(r"([.!?…]+)[\"'”’)\]*]*(\s|$)|[。！？；]")
_CHINESE_END = re.compile(r"[。！？!?；;…]|\.\.")

_CLAUSE_BOUND = re.compile(r"[,;:—()\[\]{}，、；：﹐､（）［］｛｝【】〔〕]|--|\s[-–]\s")
"""A hyphen is a dash where blanks stand around it, or another one beside it."""

ABBREVIATIONS = frozenset(
    ("mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "inc", "ltd", "co", "corp", "fig", "approx", "dept", "est")
)
"""Words behind which a full stop ends no sentence; single letters other than ``i`` are such words too."""


def gap_between(text: str, word: str, end: int, start: int, language: Language) -> Gap:
    """The gap from ``end``, where ``word`` ends, to ``start``, where the next word begins.

    Of a text from a web page it is asked :func:`polysense.data.markup.without_markup`, as words are.
    """
    if start == end or (start == end + 1 and text[end] == " "):
        return Gap.JOINED
    between = text[end:start]
    if "\n" in between:
        return Gap.SENTENCE
    found = (_CHINESE_END if language == "zh" else _ENGLISH_END).search(between)
    if found is not None and (language == "zh" or _ends(found.group(1), found.group(2), word, text[start])):
        return Gap.SENTENCE
    if between.isspace():
        return Gap.JOINED
    if between in (",", ":") and word[-1:].isdigit() and text[start].isdigit():  # 1,000 and 12:30
        return Gap.SIGN
    return Gap.CLAUSE if _CLAUSE_BOUND.search(between) else Gap.SIGN


def _ends(stop: str | None, blank: str | None, word: str, following: str) -> bool:
    """Whether signs that may end a sentence do: ``stop`` are the signs, ``blank`` what follows them before the word ``following``."""
    if stop is None or "!" in stop or "?" in stop:
        return True
    if stop != ".":  # dots that trail off: the sentence may go on
        return not following.islower()
    if word in ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "i"):
        return False
    return bool(blank) or following.isupper()
