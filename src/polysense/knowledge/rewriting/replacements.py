"""Which words may stand in the place of others, and how likely each is drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from polysense.errors import RecipeError, choices
from polysense.knowledge.rewriting.balance import EVEN, Balance
from polysense.knowledge.rewriting.grammar import article, stem
from polysense.knowledge.rewriting.scene import Part
from polysense.knowledge.rewriting.vocabulary import Group, Vocabulary

Draw = Literal["balanced", "context", "uniform"]
DRAWS: tuple[Draw, ...] = get_args(Draw)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may stand in the place of one part."""

    places: NDArray[np.int64]
    """In the part's group."""
    weights: NDArray[np.float64]
    """In proportion to how likely each is drawn; all above 0."""


@dataclass(frozen=True)
class Replacements:
    """What may stand in the place of a part.

    It is of the same kind and shape; its count is within ``factor`` of the part's; no caption of the picture holds a form of its core;
    it is not related to the part's core. If it is not drawn ``uniform``ly, it was seen behind the same word and before the same word.

    Raises:
        RecipeError: ``draw`` is none, or ``factor`` is below 1.
    """

    vocabulary: Vocabulary
    factor: float = 4.0
    draw: Draw = "balanced"
    """``uniform``: all alike. ``context``: by how often each was seen between these two neighbours. ``balanced``: likewise, but
    single words such that each is put in about as often as it is taken out."""
    related: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Word -> words that may be true where it is: synonyms, what it is a kind of. It holds both ways."""
    balance: Balance = EVEN

    def __post_init__(self) -> None:
        if self.draw not in DRAWS:
            raise RecipeError(f"draw: {self.draw!r} is none; {choices(str(self.draw), DRAWS)}")
        if not self.factor >= 1:
            raise RecipeError(f"factor: {self.factor} is too small; at least 1")

    def drawn(self, part: Part, stems: Collection[str], random: np.random.Generator) -> Iterator[str]:
        """Replacements of a part, none twice, until there are no more; perhaps none at all.

        Args:
            part: of a caption.
            stems: of the words of all captions of the picture.
            random: decides.
        """
        group = self.vocabulary.group(part)
        if group is None or random.random() >= self.balance.taken(part, group.places[part.words]):
            return
        found = self.candidates(group, part, stems)
        weights = found.weights * self.balance.given(part, found.places)
        for place in found.places[np.argsort(random.standard_exponential(len(weights)) / weights, kind="stable")]:
            yield group.surfaces[place]

    def candidates(self, group: Group, part: Part, stems: Collection[str]) -> Candidates:
        """What may stand there, before any balance."""
        places, weights = self._weighed(group, part)
        own = group.counts[group.places[part.words]]
        counts = group.counts[places]
        near = (counts <= own * self.factor) & (counts * self.factor >= own)
        places, weights = places[near], weights[near]
        barred = {stem(part.core), *map(stem, self._related(part.core))}
        free = [(name := group.stems[place]) not in stems and name not in barred for place in places]
        return Candidates(places[free], weights[free])

    def _related(self, word: str) -> set[str]:
        return {*self.related.get(word, ()), *(other for other, words in self.related.items() if word in words)}

    def _weighed(self, group: Group, part: Part) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Places and weights: for a context, p(word) p(before | word) p(after | word)."""
        if self.draw == "uniform":
            return np.arange(len(group.words)), np.ones(len(group.words))
        before, after = group.before[part.before], group.after[part.after]
        places, one, other = np.intersect1d(before.places, after.places, assume_unique=True, return_indices=True)
        return places, before.counts[one] * after.counts[other] / group.counts[places]


def exchange(text: str, part: Part, by: str) -> str:
    """The caption with other words in the place of a part; a capital at its beginning and the article before it are put right."""
    before = text[: part.start]
    if not before.strip() and text[part.start].isupper():
        by = by[:1].upper() + by[1:]
    words = before.split()
    if words and words[-1].lower() in ("a", "an") and before.endswith(words[-1] + " "):
        right = article(by)
        before = before[: -len(words[-1]) - 1] + (right.capitalize() if words[-1][0].isupper() else right) + " "
    return before + by + text[part.end :]
