"""A corpus of captions as rewriting reads it: picture by picture, each caption once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from polysense.data.caption import Caption
from polysense.data.media import normalised
from polysense.errors import DataError, RecipeError

SHARD = 2048
"""Captions of a piece, about: all those of its pictures."""


@dataclass(frozen=True)
class CaptionCorpus:
    """The different captions of each picture, in alphabetical order, so that the order in which they came does not count."""

    pictures: Mapping[str, tuple[str, ...]]
    """Picture -> its captions, no two of them equal but for case and white space."""

    @classmethod
    def of(cls, captions: Iterable[Caption]) -> CaptionCorpus:
        """Read every caption; blank ones are left out.

        Raises:
            DataError: there is none.
            RecipeError: an entry is no caption.
        """
        found: dict[str, set[str]] = {}
        for caption in captions:
            if not isinstance(caption, Caption):
                raise RecipeError(f"captions: a Caption is expected, found {type(caption).__name__}")
            if caption.text.strip():
                found.setdefault(caption.picture, set()).add(caption.text)
        if not found:
            raise DataError("there are no captions to rewrite")
        return cls({picture: _different(found[picture]) for picture in sorted(found)})

    @cached_property
    def size(self) -> int:
        """Captions."""
        return sum(map(len, self.pictures.values()))

    @cached_property
    def digest(self) -> str:
        """Another one, other captions or pictures."""
        found = hashlib.sha256()
        for picture, texts in self.pictures.items():
            found.update(repr((picture, texts)).encode("utf-8", "surrogatepass"))
        return found.hexdigest()

    @cached_property
    def homes(self) -> dict[str, set[str]]:
        """Normalised text -> the pictures that it was written of."""
        homes: dict[str, set[str]] = {}
        for picture, texts in self.pictures.items():
            for text in texts:
                homes.setdefault(normalised(text), set()).add(picture)
        return homes

    def shards(self) -> Iterator[Sequence[str]]:
        """The pictures of each piece."""
        names: list[str] = []
        size = 0
        for picture, texts in self.pictures.items():
            names.append(picture)
            size += len(texts)
            if size >= SHARD:
                yield names
                names, size = [], 0
        if names:
            yield names


def _different(texts: set[str]) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for text in sorted(texts):
        kept.setdefault(normalised(text), text)
    return tuple(sorted(kept.values()))
