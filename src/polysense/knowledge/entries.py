"""What knowledge is made of: words with their polarity, and pairs of an aspect and a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from polysense.knowledge.english import look_up_form

Polarity = Literal[0, 1]
NEGATIVE: Polarity = 0
POSITIVE: Polarity = 1
NAMES: tuple[str, str] = ("negative", "positive")
"""The names of the polarities, by their number."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one word."""

    score: float
    """Positive for praise, negative for blame, finite and not 0; its size says how surely."""
    polarity: Polarity
    count: int = 0
    """Windows of the corpus that hold the word; 0 where nothing was counted."""
    seed: bool = False
    """Whether the word was given rather than found."""
    tag: str = ""
    """Its most frequent tag; empty where none was counted."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What is known of an aspect and a sentiment word that stand near each other."""

    count: int
    polarity: Polarity
    """The word's."""


def form_fault(word: str) -> str | None:
    """Why a word or an aspect is none; None where it stands as it is looked up."""
    if not word.strip():
        return "it is empty"
    if any(sign in word for sign in "\t\n\r"):
        return "it holds a tab or a line break"
    if word != word.strip():
        return "it begins or ends with a blank"
    if any("\ud800" <= sign <= "\udfff" for sign in word):
        return "it holds half of a surrogate pair, which is no character"
    return None if word == (form := look_up_form(word)) else f"it is looked up as {form!r}"


def ranked(words: Mapping[str, Entry], polarity: Polarity) -> list[tuple[str, Entry]]:
    """The words of one side from the strongest on; equal ones by count, then alphabetically."""
    found: Iterable[tuple[str, Entry]] = ((word, known) for word, known in words.items() if known.polarity == polarity)
    return sorted(found, key=lambda item: (-abs(item[1].score), -item[1].count, item[0]))
