"""Which tokens of a text stand for which of its characters."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Alignment:
    """The tokens of one text, from the first to the last that stand for characters of it, by these characters."""

    first: int
    """The place of the first of them in the row; special tokens may stand before it."""
    starts: Sequence[int]
    ends: Sequence[int]
    """Behind the last character of each token; never falling."""

    @classmethod
    def of(cls, spans: Sequence[tuple[int, int]]) -> Alignment:
        """From the spans of a row, special tokens and padding included: they stand for no character."""
        real = [place for place, (start, end) in enumerate(spans) if end > start]
        first, behind = (real[0], real[-1] + 1) if real else (0, 0)
        inner = spans[first:behind]
        return cls(
            first, list(accumulate((start for start, _ in inner), max)), list(accumulate((end for _, end in inner), max))
        )

    @property
    def end(self) -> int:
        """Behind the last character that a token stands for: a longer text was cut there."""
        return self.ends[-1] if self.ends else 0

    def tokens(self, start: int, end: int) -> range:
        """The places in the row of every token that stands for one of the characters from ``start`` to before ``end``."""
        return range(self.first + bisect_right(self.ends, start), self.first + bisect_left(self.starts, end))
