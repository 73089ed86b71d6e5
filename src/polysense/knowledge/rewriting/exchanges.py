"""Captions with one part exchanged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polysense.data.media import normalised
from polysense.data.rewrite import Level, Rewrite
from polysense.knowledge.rewriting.balance import Key, balanced
from polysense.knowledge.rewriting.corpus import CaptionCorpus
from polysense.knowledge.rewriting.grammar import stem
from polysense.knowledge.rewriting.replacements import Draw, Replacements, exchange
from polysense.knowledge.rewriting.scene import Kind, Part, parts, verb_stems
from polysense.knowledge.rewriting.vocabulary import count_parts
from polysense.knowledge.tagger import Tagger, Token
from polysense.seeds import seed_from

KINDS: Mapping[Level, tuple[Kind, ...]] = {"phrase": ("phrase",), "word": ("object", "attribute", "relation")}
"""What each level exchanges."""

REMEMBERED = 1 << 17
"""Captions whose tagged words are held; others are tagged again when they are needed."""

FITTED = 1 << 13
"""Pictures that the balance is fitted on, at most."""

Tell = Callable[[int], None]


@dataclass(frozen=True)
class Exchanges:
    """Makes the rewrites of the levels ``phrase`` and ``word``."""

    tag: Callable[[str], Sequence[Token]]
    verbs: frozenset[str]
    replacements: Replacements

    @classmethod
    def of(
        cls,
        corpus: CaptionCorpus,
        tagger: Tagger,
        *,
        min_count: int,
        factor: float,
        draw: Draw,
        related: Mapping[str, Collection[str]],
        progress: Tell,
    ) -> Exchanges:
        """Count the corpus, and fit the balance where it is asked for. ``progress`` is told the captions done."""
        tag = lru_cache(REMEMBERED)(tagger.tag)
        texts = [text for found in corpus.pictures.values() for text in found]
        verbs = verb_stems(_told(map(tag, texts), progress))
        vocabulary = count_parts(((text, parts(text, tag(text), verbs)) for text in texts), min_count=min_count)
        made = cls(tag, verbs, Replacements(vocabulary, factor=factor, draw=draw, related=related))
        return made._with_balance(corpus) if draw == "balanced" else made

    def stems(self, texts: Iterable[str]) -> frozenset[str]:
        """Of every word of these captions."""
        return frozenset(stem(token.word) for text in texts for token in self.tag(text))

    def rewrites(
        self, text: str, level: Level, most: int, *, stems: Collection[str], taken: Collection[str], seed: Sequence[object]
    ) -> list[Rewrite]:
        """At most ``most``, as different as may be: every part is exchanged once before one is exchanged again.

        Args:
            text: the caption.
            level: ``phrase`` or ``word``.
            most: how many.
            stems: of the words of all captions of the picture.
            taken: their normalised texts.
            seed: of the draws.
        """
        if not most:
            return []
        random = np.random.default_rng(seed_from(*seed))
        found = [part for part in self._parts(text) if part.kind in KINDS[level]]
        lines = [
            (found[place], self.replacements.drawn(found[place], stems, random)) for place in random.permutation(len(found))
        ]
        made: dict[str, Rewrite] = {}
        while lines and len(made) < most:
            going = []
            for part, line in lines:
                if (by := next(line, None)) is None:
                    continue
                going.append((part, line))
                new = exchange(text, part, by)
                if normalised(new) not in taken and len(made) < most:
                    made.setdefault(new, Rewrite(new, level, text[part.start : part.end], by))
            lines = going
        return list(made.values())

    def _parts(self, text: str) -> list[Part]:
        return parts(text, self.tag(text), self.verbs)

    def _with_balance(self, corpus: CaptionCorpus) -> Exchanges:
        """Of words alone: most phrases are too rare, and their weights would hold for no other pictures than those of the fit."""
        names = fitting(corpus.pictures)
        flows: dict[Key, tuple[int, list[tuple[int, NDArray[Any], NDArray[Any]]]]] = {}
        for name in names:
            texts = corpus.pictures[name]
            stems = self.stems(texts)
            for part in (part for text in texts for part in self._parts(text) if part.kind in KINDS["word"]):
                group = self.replacements.vocabulary.group(part)
                if group is not None:
                    found = self.replacements.candidates(group, part, stems)
                    _, flow = flows.setdefault((part.kind, part.shape), (len(group.words), []))
                    flow.append((group.places[part.words], found.places, found.weights))
        return replace(self, replacements=replace(self.replacements, balance=balanced(flows)))


def fitting(pictures: Iterable[str]) -> list[str]:
    """The pictures whose captions the balance is fitted on, in alphabetical order: all, or `FITTED` of them by chance."""
    return sorted(sorted(pictures, key=lambda name: seed_from("balance", name))[:FITTED])


def _told(items: Iterable[Sequence[Token]], progress: Tell) -> Iterator[Sequence[Token]]:
    for number, item in enumerate(items, start=1):
        yield item
        if number % 1000 == 0:
            progress(number)
