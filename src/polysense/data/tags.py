"""Spans as tags of words, and back: B for the first word of a span, I for the next ones, O for a word of none.

Between a text's characters and the tags of its words lie spans that count in words: ``Span(start=2, end=4, ...)`` is then the third
and the fourth word.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from polysense.types import Span

Scheme = Literal["BIO", "BIOS"]

OUTSIDE = 0
"""The tag of a word of no span."""


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of some roles: ``O``, then ``B-<role>`` and ``I-<role>`` of each; in BIOS ``S-<role>`` too, for single words."""

    roles: tuple[str, ...]
    scheme: Scheme = "BIO"

    @property
    def letters(self) -> str:
        """What a role's tags begin with."""
        return self.scheme.replace("O", "")

    @property
    def names(self) -> tuple[str, ...]:
        """Of all tags, in the order of their numbers."""
        return ("O", *(f"{letter}-{role}" for role in self.roles for letter in self.letters))

    def number(self, letter: str, role: str) -> int:
        """Of a tag."""
        return 1 + self.roles.index(role) * len(self.letters) + self.letters.index(letter)

    def parts(self, tag: int) -> tuple[str, str]:
        """The letter and the role of a tag; ``("O", "")``."""
        if tag == OUTSIDE:
            return "O", ""
        role, letter = divmod(tag - 1, len(self.letters))
        return self.letters[letter], self.roles[role]

    def may_start(self, tag: int) -> bool:
        """Whether a text may begin with it: nothing goes on that did not begin."""
        return self.parts(tag)[0] != "I"

    def may_end(self, tag: int) -> bool:
        """Whether a text may end with it: in BIOS a span that begins goes on."""
        return self.scheme == "BIO" or self.parts(tag)[0] != "B"

    def may_follow(self, before: int, tag: int) -> bool:
        """Whether ``tag`` may stand at the word behind ``before``: a span goes on in its own role alone."""
        (first, role), (letter, its_role) = self.parts(before), self.parts(tag)
        if letter == "I":
            return first in {"B", "I"} and role == its_role
        return self.scheme == "BIO" or first != "B"

    def encode(self, spans: Sequence[Span], count: int) -> list[int]:
        """The tags of ``count`` words whose ``spans``, which count in words, do not overlap."""
        tags = [OUTSIDE] * count
        for span in spans:
            single = self.scheme == "BIOS" and span.end - span.start == 1
            tags[span.start : span.end] = [self.number("I", span.role)] * (span.end - span.start)
            tags[span.start] = self.number("S" if single else "B", span.role)
        return tags

    def decode(self, tags: Sequence[int]) -> list[Span]:
        """The spans, counting in words, that the tags say; a word that goes on with nothing begins a span."""
        found: list[Span] = []
        for place, tag in enumerate(tags):
            letter, role = self.parts(tag)
            if letter == "I" and found and found[-1].end == place and found[-1].role == role:
                found[-1] = Span(found[-1].start, place + 1, role)
            elif letter != "O":
                found.append(Span(place, place + 1, role))
        return found


def in_words(spans: Sequence[Span], words: Sequence[tuple[int, int]]) -> list[Span]:
    """The spans of a text, counting in its words: all of which they hold a character; those that hold none are left out.

    Args:
        spans: counting in characters.
        words: from :func:`polysense.data.words.words`, or some of them.
    """
    starts, ends = [start for start, _ in words], [end for _, end in words]
    found = [Span(bisect_right(ends, span.start), bisect_left(starts, span.end), span.role) for span in spans]
    return [span for span in found if span.start < span.end]


def in_characters(spans: Sequence[Span], words: Sequence[tuple[int, int]]) -> list[Span]:
    """Spans that count in words, as the characters from their first word to behind their last."""
    return [Span(words[span.start][0], words[span.end - 1][1], span.role) for span in spans]


def without_overlaps(spans: Sequence[Span]) -> list[Span]:
    """Those that a sequence of tags can say, in their order: the longest (of equals the first), then what overlaps none of them."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start - one.end, one.start, one.role)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)
