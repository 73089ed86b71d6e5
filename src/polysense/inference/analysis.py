"""Reviews read whole: the polarity of each, the aspects it speaks of, what it says of them, and the words that say it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from polysense.errors import RecipeError
from polysense.inference.predictor import Predictor
from polysense.knowledge.knowledge import NAMES, Knowledge
from polysense.knowledge.occurrences import Found, Occurrences, find
from polysense.types import Sample, Span

NEUTRAL = "neutral"
"""What words say where praise and blame are even, or there are none."""

ASPECT = "aspect"
"""The role of the spans that are aspects, unless another one is named."""

_END = re.compile(r"[.!?…]+[\"'”’)\]]*\s|[。！？；\n]")
"""A sentence ends between a word and what it may speak of."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is thought of a review, or of one aspect."""

    label: str
    probabilities: Mapping[str, float] | None = None
    """By class; None where words were weighed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentiment word."""

    word: str
    start: int
    """Characters of the text."""
    end: int
    polarity: str
    """Of the word by itself."""
    negated: bool
    """Whether a negator stands before it; it then counts for the other side."""


@dataclass(frozen=True, slots=True)
class SeenAspect:
    """An aspect of one review."""

    text: str
    start: int
    end: int
    opinion: Opinion | None
    """None where nothing here tells: neither a model nor a lexicon."""
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found in one review."""

    id: str
    text: str
    opinion: Opinion | None = None
    aspects: tuple[SeenAspect, ...] = ()
    error: str | None = None
    """Why the review could not be read; the rest is then empty."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Analyst:
    """Joins what is there: models for one, two or all three of the questions, and knowledge for the others.

    Without a model, the polarity of a review or an aspect is the sign of the sum of its sentiment words' scores (one behind a
    negator counts for the other side), and aspects are the nouns that the knowledge has beside sentiment words. The evidence of an
    aspect are the words of the knowledge which stand nearer to it than to any other aspect of their sentence.

    Args:
        knowledge: a lexicon with pairs, as `mine` writes them.
        polarity: classifies texts.
        terms: marks the aspects of a text.
        aspects: classifies the aspects of a text.
        role: of the spans of ``terms`` that are aspects.

    Raises:
        RecipeError: nothing was given, or a model is not of the kind.
    """

    def __init__(
        self,
        *,
        knowledge: Knowledge | None = None,
        polarity: Predictor | None = None,
        terms: Predictor | None = None,
        aspects: Predictor | None = None,
        role: str = ASPECT,
    ) -> None:
        if knowledge is None and polarity is None and terms is None:
            raise RecipeError("nothing to analyse with: give knowledge, a model of polarity, or one that marks aspects")
        if aspects is not None and terms is None and knowledge is None:
            raise RecipeError("a model judges aspects, and nothing finds them: give one that marks aspects, or knowledge")
        for name, model in (("polarity", polarity), ("aspects", aspects)):
            if model is not None and not model.labels:
                raise RecipeError(f"{name}: {model.source} has no classes; it was not trained with Classification")
        self.knowledge = knowledge
        self.polarity = polarity
        self.terms = terms
        self.aspects = aspects
        self.role = role

    def read(self, reviews: Sequence[Sample]) -> Iterator[Analysis]:
        """One analysis a review, in their order; each model is asked once about all of them.

        A review that a model cannot use has ``error``. Raises RecipeError where the model of ``terms`` marks nothing.
        """
        reviews = [replace(review, aspect=None) for review in reviews]  # those of the table are not asked about
        texts = [review.text or "" for review in reviews]
        errors: dict[int, str] = {}
        found = [Occurrences() if self.knowledge is None else find(text, self.knowledge) for text in texts]
        opinions = self._opinions(self.polarity, reviews, errors)
        places = [sorted(set(spans)) for spans in self._places(reviews, found, errors)]
        asked = [
            (row, replace(reviews[row], aspect=span.of(texts[row])))
            for row, spans in enumerate(places)
            for span in spans
            if self.aspects is not None
        ]
        judged = iter(self._judged([sample for _, sample in asked], [row for row, _ in asked], errors))
        for row, (review, text) in enumerate(zip(reviews, texts, strict=True)):
            words = _beside(text, places[row], found[row].words)
            aspects = []
            for span, beside in zip(places[row], words, strict=True):
                opinion = self._weighed(beside) if self.aspects is None else next(judged)
                evidence = tuple(_evidence(word) for word in beside)
                aspects.append(SeenAspect(span.of(text), span.start, span.end, opinion, evidence))
            if row in errors:
                yield Analysis(review.id, text, error=errors[row])
            else:
                counted = self._weighed(found[row].words) if self.polarity is None else opinions[row]
                yield Analysis(review.id, text, counted, tuple(aspects))

    def _opinions(self, model: Predictor | None, samples: Sequence[Sample], errors: dict[int, str]) -> list[Opinion | None]:
        if model is None:
            return [None] * len(samples)
        return self._judge(model, samples, range(len(samples)), errors)

    def _judged(self, samples: Sequence[Sample], rows: Sequence[int], errors: dict[int, str]) -> list[Opinion | None]:
        return [] if self.aspects is None or not samples else self._judge(self.aspects, samples, rows, errors)

    @staticmethod
    def _judge(
        model: Predictor, samples: Sequence[Sample], rows: Iterable[int], errors: dict[int, str]
    ) -> list[Opinion | None]:
        opinions: list[Opinion | None] = []
        for row, answer in zip(rows, model.predict(samples), strict=True):
            if "error" in answer:
                errors.setdefault(row, answer["error"])
                opinions.append(None)
            else:
                opinions.append(Opinion(answer["label"], answer["probabilities"]))
        return opinions

    def _places(self, reviews: Sequence[Sample], found: Sequence[Occurrences], errors: dict[int, str]) -> Iterator[list[Span]]:
        """The aspects of each review."""
        if self.terms is None:
            for one in found:
                yield [Span(pair.start, pair.end, self.role) for pair in one.pairs]
            return
        for row, answer in enumerate(self.terms.predict(reviews)):
            if "error" in answer:
                errors.setdefault(row, answer["error"])
                yield []
                continue
            if "spans" not in answer:
                raise RecipeError(f"terms: {self.terms.source} marks nothing; it was not trained with SpanTagging")
            spans = answer["spans"] or []
            yield [Span(span["start"], span["end"], span["role"]) for span in spans if span["role"] == self.role]

    def _weighed(self, words: Sequence[Found]) -> Opinion | None:
        """The sign of the sum of the scores; None without knowledge."""
        if self.knowledge is None:
            return None
        balance = sum(-word.score if word.negated else word.score for word in words)
        return Opinion(NEUTRAL if balance == 0 else NAMES[balance > 0])


def _evidence(word: Found) -> Evidence:
    return Evidence(word.word, word.start, word.end, NAMES[word.polarity], word.negated)


def _beside(text: str, places: Sequence[Span], words: Sequence[Found]) -> list[list[Found]]:
    """For each place the words that are nearest to it, of those in its sentence; a word inside a place speaks of nothing."""
    beside: list[list[Found]] = [[] for _ in places]
    for word in words:
        gaps = {at: _gap(text, place, word) for at, place in enumerate(places)}
        near = {at: gap for at, gap in gaps.items() if gap is not None}
        if near and min(near.values()) >= 0:
            beside[min(near, key=lambda at: near[at])].append(word)
    return beside


def _gap(text: str, place: Span, word: Found) -> int | None:
    """Characters between them, -1 where they overlap; None where a sentence ends between them."""
    start, end = (place.end, word.start) if word.start >= place.end else (word.end, place.start)
    if start > end:
        return -1
    return None if _END.search(text, start, end) else end - start
