"""Which tokens of a text stand for which of its characters."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alignment:
    """The tokens of one text, from the first to the last that stand for characters of it, by these characters."""

    first: int
    """The place of the first of them in the row; special tokens may stand before it."""
    starts: Sequence[int]
    """The first character of each token; never falling, as the ends."""
    ends: Sequence[int]
    """Behind the last character of each token."""

    @classmethod
    def of(cls, spans: Sequence[tuple[int, int]]) -> Alignment:
        """From the spans of a row. Special tokens and padding stand for no character; one inside is put behind what was before it."""
        real = [place for place, (start, end) in enumerate(spans) if end > start]
        first, behind = (real[0], real[-1] + 1) if real else (0, 0)
        starts: list[int] = []
        ends: list[int] = []
        for start, end in spans[first:behind]:
            before = ends[-1] if ends else 0
            starts.append(start if end > start else before)
            ends.append(max(end, before))
        return cls(first, starts, ends)

    @property
    def end(self) -> int:
        """Behind the last character that a token stands for: a longer text was cut there."""
        return self.ends[-1] if self.ends else 0

    def holds(self, text: str, start: int, end: int) -> bool:
        """Whether tokens stand for the word of ``text`` as a whole: it begins before their end, and no letter of it is cut off."""
        return start < self.end and not any(map(str.isalnum, text[self.end : end]))

    def tokens(self, start: int, end: int) -> range:
        """The places in the row of every token that stands for one of the characters from ``start`` to before ``end``."""
        return range(self.first + bisect_right(self.ends, start), self.first + bisect_left(self.starts, end))
