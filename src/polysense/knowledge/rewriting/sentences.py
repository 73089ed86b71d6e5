"""Captions of other pictures that read much like a caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from polysense.data.media import normalised
from polysense.knowledge.nearest import highest, similarities
from polysense.knowledge.rewriting.corpus import CaptionCorpus
from polysense.knowledge.tfidf import tfidf


@dataclass(frozen=True)
class Sentences:
    """The different captions of a corpus as TF-IDF vectors.

    Those of ranks 1 to ``ranks`` beside a caption make its pool: without those more similar than ``most_similar``, or of its pictures.
    """

    corpus: CaptionCorpus
    ranks: int
    most_similar: float

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """One spelling of each different caption, by its normalised form."""
        found: dict[str, str] = {}
        for texts in self.corpus.pictures.values():
            for text in texts:
                key = normalised(text)
                found[key] = min(found.get(key, text), text)
        return tuple(found[key] for key in sorted(found))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {normalised(text): place for place, text in enumerate(self.texts)}

    @cached_property
    def _vectors(self) -> sparse.csr_array:
        return tfidf(self.texts)[0]

    def pools(self, texts: Sequence[str]) -> dict[str, list[str]]:
        """Normalised text of a caption -> the captions that are like it, the most similar first; none that shares no word with it."""
        keys = sorted({normalised(text) for text in texts})
        own = np.array([self._places[key] for key in keys], np.int64)
        pools: dict[str, list[str]] = {}
        for start, scores in similarities(self._vectors[own], self._vectors):
            for row, found in enumerate(scores):
                key = keys[start + row]
                found[found <= 0] = -np.inf
                found[own[start + row]] = -np.inf
                near = [self.texts[place] for place in highest(found, self.ranks) if found[place] <= self.most_similar]
                homes = self.corpus.homes[key]
                pools[key] = [text for text in near if not homes & self.corpus.homes[normalised(text)]]
        return pools
