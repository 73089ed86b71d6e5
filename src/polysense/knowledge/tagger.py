"""What cuts a text into words and says of which kind they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, NamedTuple, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

Tag = Literal["NOUN", "ADJ", "ADV", "VERB", "OTHER"]
TAGS: tuple[Tag, ...] = get_args(Tag)


class Token(NamedTuple):
    """A word of a text. Punctuation is no word: it stands in the gaps between words."""

    word: str
    """As it is looked up: compatibility forms resolved (NFKC), in lower case."""
    tag: Tag
    start: int
    """Where it begins, in characters of the text as it was given."""
    end: int
    """Behind its last character."""


class Tagger(ABC):
    """Cuts a text into words with coarse tags. It is sent to other processes, so it must pickle."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is and of which release: it stands in the record of what was mined."""

    @abstractmethod
    def tag(self, text: str) -> list[Token]:
        """The words of the text, in order, none overlapping another. Whoever asks has blanked its markup before."""
