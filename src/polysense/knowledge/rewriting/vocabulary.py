"""The parts of a corpus of captions, counted: what may stand in another one's place, and beside which words it was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polysense.knowledge.rewriting.grammar import stem
from polysense.knowledge.rewriting.scene import Kind, Part


@dataclass(frozen=True, slots=True)
class Beside:
    """What was seen beside one word."""

    places: NDArray[np.int64]
    """In the group, rising."""
    counts: NDArray[np.float64]
    """How often each was seen there."""


@dataclass(frozen=True)
class Group:
    """The parts of one kind and shape that were seen often enough, in alphabetical order."""

    words: tuple[str, ...]
    surfaces: tuple[str, ...]
    """How each is mostly written."""
    cores: tuple[str, ...]
    counts: NDArray[np.float64]
    """(words,): how often each was seen."""
    places: Mapping[str, int]
    """Words -> place."""
    stems: tuple[str, ...]
    """Of the cores."""
    before: Mapping[str, Beside]
    """Word right before -> what was seen behind it."""
    after: Mapping[str, Beside]


@dataclass(frozen=True)
class Vocabulary:
    """The groups by (kind, shape)."""

    groups: Mapping[tuple[Kind, str], Group]

    def group(self, part: Part) -> Group | None:
        """The group that a part belongs to, if there is one that it is frequent enough for."""
        group = self.groups.get((part.kind, part.shape))
        return group if group is not None and part.words in group.places else None

    @property
    def sizes(self) -> dict[str, int]:
        """``object, plural`` -> how many there are."""
        return {", ".join(key): len(group.words) for key, group in sorted(self.groups.items())}


def count_parts(captions: Iterable[tuple[str, Iterable[Part]]], *, min_count: int) -> Vocabulary:
    """Count the parts of each caption; those that were seen fewer than ``min_count`` times are left out."""
    seen: dict[tuple[Kind, str], Counter[tuple[str, str, str]]] = {}
    surfaces: dict[tuple[Kind, str], Counter[tuple[str, str]]] = {}
    cores: dict[str, str] = {}
    for text, parts in captions:
        for part in parts:
            key = (part.kind, part.shape)
            seen.setdefault(key, Counter())[part.words, part.before, part.after] += 1
            written = text[part.start : part.end]
            surfaces.setdefault(key, Counter())[part.words, written if part.start else _lowered(written)] += 1
            cores[part.words] = part.core
    return Vocabulary({key: _group(found, surfaces[key], cores, min_count) for key, found in sorted(seen.items())})


def _group(
    seen: Counter[tuple[str, str, str]], surfaces: Counter[tuple[str, str]], cores: Mapping[str, str], min_count: int
) -> Group:
    counts: Counter[str] = Counter()
    for (word, _, _), count in seen.items():
        counts[word] += count
    words = tuple(sorted(word for word, count in counts.items() if count >= min_count))
    places = {word: place for place, word in enumerate(words)}
    written: dict[str, str] = {}
    for (word, surface), _ in sorted(surfaces.items(), key=lambda item: (-item[1], item[0])):
        written.setdefault(word, surface)
    return Group(
        words=words,
        surfaces=tuple(written[word] for word in words),
        cores=tuple(cores[word] for word in words),
        counts=np.array([counts[word] for word in words], np.float64),
        places=places,
        stems=tuple(stem(cores[word]) for word in words),
        before=_beside(((before, word, count) for (word, before, _), count in seen.items()), places),
        after=_beside(((after, word, count) for (word, _, after), count in seen.items()), places),
    )


def _beside(seen: Iterable[tuple[str, str, int]], places: Mapping[str, int]) -> dict[str, Beside]:
    found: dict[str, Counter[int]] = {}
    for context, word, count in seen:
        if word in places:
            found.setdefault(context, Counter())[places[word]] += count
    return {
        context: Beside(np.array(sorted(counts), np.int64), np.array([counts[place] for place in sorted(counts)], np.float64))
        for context, counts in found.items()
    }


def _lowered(written: str) -> str:
    """Without the capital that begins a sentence."""
    return written[:1].lower() + written[1:]
