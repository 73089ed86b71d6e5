"""English words, and their tags by the rules that come with TextBlob (extra ``knowledge``)."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Callable
from functools import cache

from polysense.data.markup import INNER
from polysense.errors import PolysenseError
from polysense.knowledge.tagger import Tag, Tagger, Token

_ACCENTS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_RUN = rf"[^\W_]+(?:[{_ACCENTS}]+[^\W_]*)*"
"""Letters and digits, with the accents that are characters of their own and belong to the letter before them."""

_APOSTROPHES = re.compile("[`´]")
"""Accents that stand alone, typed in place of an apostrophe."""

_PIECE = re.compile(rf"{_RUN}(?:(?:-|['’`´]{INNER}*){_RUN})*|\n|[^\w\s]")
"""A word with its inner hyphens and apostrophes, a line break, or one sign."""

_CLITIC = re.compile(rf"(?<=.)(?:n['’]{INNER}*t|['’]{INNER}*(?:s|re|ve|ll|d|m))$", re.IGNORECASE)

_KINDS: dict[str, Tag] = {"NN": "NOUN", "JJ": "ADJ", "RB": "ADV", "VB": "VERB"}


def english_pieces(text: str) -> list[tuple[str, int, int]]:
    """Words and signs with their places; ``don't`` and ``don`t`` are ``do`` and ``n't``, a line break a full stop: a sentence ends."""
    found: list[tuple[str, int, int]] = []
    for match in _PIECE.finditer(text):
        piece, start, end = match.group(), match.start(), match.end()
        if end - start > 1:
            piece = _APOSTROPHES.sub("'", piece)
        if ("'" in piece or "’" in piece) and (clitic := _CLITIC.search(piece)):
            cut = clitic.start()
            found += [(piece[:cut], start, start + cut), (piece[cut:], start + cut, end)]
        else:
            found.append((piece if piece != "\n" else ".", start, end))
    if INNER in text:
        return [(piece.replace(INNER, ""), start, end) for piece, start, end in found if piece != INNER]
    return found


def look_up_form(word: str) -> str:
    """How a word stands in a lexicon: compatibility forms resolved, lower case, straight apostrophes. It is its own look-up form."""
    if word.isascii():
        return word.lower()
    form = unicodedata.normalize("NFKC", word)
    lower = form.lower()
    return (lower if lower == form else unicodedata.normalize("NFKC", lower)).replace("’", "'")  # lower case may undo NFKC


class PlainWords(Tagger):
    """Words without tags: for counting that asks for none. Needs nothing installed."""

    @property
    def name(self) -> str:
        """It has no releases of its own."""
        return "words"

    def tag(self, text: str) -> list[Token]:
        """Every word as OTHER."""
        return [
            Token(look_up_form(piece), "OTHER", start, end) for piece, start, end in english_pieces(text) if _is_word(piece)
        ]


class PatternTagger(Tagger):
    """A lexicon with rules for what it lacks and for neighbours, in Python alone, over our own words.

    Raises:
        PolysenseError: when it first tags, if the extra is not installed.
    """

    @property
    def name(self) -> str:
        """With the release of TextBlob."""
        from importlib.metadata import version

        _find_tags()
        return f"textblob {version('textblob')}"

    def tag(self, text: str) -> list[Token]:
        """Tags are found with the signs between the words in sight."""
        pieces = english_pieces(text)
        tags = _find_tags()([unicodedata.normalize("NFC", piece).replace("’", "'") for piece, _, _ in pieces])
        return [
            Token(look_up_form(piece), _KINDS.get(tag[:2], "OTHER"), start, end)
            for (piece, start, end), (_, tag) in zip(pieces, tags, strict=True)
            if _is_word(piece)
        ]


def _is_word(piece: str) -> bool:
    """A word holds a letter or a digit: a piece of one sign is no word, a clitic is one."""
    return len(piece) > 1 or piece.isalnum()


@cache
def _find_tags() -> Callable[[list[str]], list[list[str]]]:
    try:
        from textblob.en import parser
    except ImportError:
        raise PolysenseError("English tags need TextBlob: pip install 'polysense[knowledge]'") from None
    with warnings.catch_warnings():  # its lexicon is read now, from a file that it leaves for the collector to close
        warnings.simplefilter("ignore", ResourceWarning)
        parser.find_tags(["Word"])
    find: Callable[[list[str]], list[list[str]]] = parser.find_tags
    return find
