"""Reviews read whole: the polarity of each, the aspects it speaks of, what it says of them, and the words that say it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

from polysense.errors import RecipeError, choices
from polysense.inference.label_sides import side
from polysense.inference.predictor import Predictor
from polysense.knowledge.bounds import Bounds, bounds
from polysense.knowledge.entries import NAMES
from polysense.knowledge.knowledge import Knowledge
from polysense.knowledge.occurrences import Found, Occurrences, find, find_aspects, weigh
from polysense.types import Sample, Span

NEUTRAL = "neutral"
"""What words say where praise and blame are even, or there are none."""

Answer: TypeAlias = Mapping[str, Any]
"""Of a model about one row, see :meth:`polysense.inference.predictor.Predictor.predict`."""

ASPECT = "aspect"
"""The role of the spans that are aspects, unless another one is named."""


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
    agrees: bool | None = None
    """Whether it is on the side that a model says of the aspect; None where no model was asked, or it took no side."""


@dataclass(frozen=True, slots=True)
class SeenAspect:
    """An aspect of one review."""

    text: str
    start: int
    end: int
    opinion: Opinion | None
    """None where nothing here tells: neither a model nor a lexicon."""
    evidence: tuple[Evidence, ...]
    error: str | None = None
    """Why the model of aspects could not read it."""

    @property
    def tells(self) -> bool:
        """Whether a model or a sentiment word says something of it; else it is merely named, and neutral."""
        return self.opinion is not None and (self.opinion.probabilities is not None or bool(self.evidence))


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found in one review."""

    id: str
    text: str
    opinion: Opinion | None = None
    aspects: tuple[SeenAspect, ...] = ()
    error: str | None = None
    """Why a model could not read the review; what was found is then empty."""
    cut: bool = False
    """Whether the text is longer than a model reads: what stands behind that was not seen by it."""
    without_evidence: bool = False
    """Whether words were to tell the polarity of the review and it holds none of the lexicon."""
    target: str | None = None
    """The label that the table has for the review; None where it has none, several, or one of a single aspect."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """The table's other columns."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(replace(self, extra=dict(self.extra)))


class Analyst:
    """Joins what is there: models for one, two or all three of the questions, and knowledge for the others.

    Without a model, the polarity of a review or an aspect is the sign of the sum of its sentiment words' scores (one behind a
    negator counts for the other side), and aspects are all nouns that the knowledge has beside sentiment words. Their evidence are
    the sentiment words that speak of them here; an aspect of which none speaks is neutral, without evidence. The evidence of an
    aspect that a model marked are the words of the knowledge which stand nearer to it than to any other aspect of their clause, or,
    where their clause has none, of their sentence.

    Args:
        knowledge: a lexicon with pairs, as `mine` writes them.
        polarity: classifies texts.
        terms: marks the aspects of a text.
        aspects: classifies the aspects of a text.
        role: of the spans of ``terms`` that are aspects.

    Raises:
        RecipeError: nothing was given, a model is not of the kind, or ``terms`` has no such role.
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
        if polarity is not None and polarity.reads_aspects:
            raise RecipeError(
                f"polarity: {polarity.source} reads an aspect with each text, a review has none: give it as `aspects`"
            )
        if aspects is not None and not aspects.reads_aspects:
            raise RecipeError(f"aspects: {aspects.source} reads no aspect, it would say the same of all: give it as `polarity`")
        if terms is not None and not terms.roles:
            raise RecipeError(f"terms: {terms.source} marks nothing; it was not trained with SpanTagging")
        if terms is not None and role not in terms.roles:
            raise RecipeError(f"role: {terms.source} does not mark {role!r}; {choices(role, terms.roles)}")
        self.knowledge = knowledge
        self.polarity = polarity
        self.terms = terms
        self.aspects = aspects
        self.role = role

    def read(self, reviews: Sequence[Sample]) -> Iterator[Analysis]:
        """One analysis a review, in their order; each model is asked once about all of them.

        A review, or an aspect, that a model cannot use has ``error``.

        Raises:
            RecipeError: a model answers several classes at once.
        """
        targets = [one.label if isinstance(one.label, str) and one.aspect is None else None for one in reviews]
        reviews = [replace(review, aspect=None) for review in reviews]  # those of the table are not asked about
        found = [Occurrences() if self.knowledge is None else find(one.text or "", self.knowledge) for one in reviews]
        polarities = _answers(self.polarity, reviews)
        spans = _answers(self.terms, reviews)
        marked = [self._marked(*one) for one in zip(reviews, spans, found, strict=True)]
        places = [[] if isinstance(places, str) else places for places in marked]
        asked = [
            replace(review, aspect=place.of(review.text or ""))
            for review, beside in zip(reviews, places, strict=True)
            for place, _ in beside
        ]
        judged = iter(_answers(self.aspects, asked))
        for review, target, words, polarity, span, marks, beside in zip(
            reviews, targets, found, polarities, spans, marked, places, strict=True
        ):
            plain = Analysis(review.id, review.text or "", target=target, extra=review.extra)
            own = [(place, speaking, next(judged)) for place, speaking in beside]
            opinion = self._opinion(self.polarity, polarity, words.words)
            error = next((one for one in (opinion, marks) if isinstance(one, str)), None)
            if error is not None:
                yield replace(plain, error=error)
            else:
                assert not isinstance(opinion, str)
                yield replace(
                    plain,
                    opinion=opinion,
                    aspects=tuple(self._seen(review.text or "", *one) for one in own),
                    cut=any(answer.get("cut", False) for answer in (polarity, span, *(answer for *_, answer in own)) if answer),
                    without_evidence=self.polarity is None and self.knowledge is not None and not words.words,
                )

    def _opinion(self, model: Predictor | None, answer: Answer | None, words: Sequence[Found]) -> Opinion | str | None:
        """What the model answered, or why it could not; without one what the words say."""
        return self._weighed(words) if model is None or answer is None else _opinion(answer, model.source)

    def _seen(self, text: str, place: Span, words: Sequence[Found], answer: Answer | None) -> SeenAspect:
        """An aspect with what its model says of it, or else its words."""
        judged = self._opinion(self.aspects, answer, words)
        opinion = None if isinstance(judged, str) else judged
        said = "other" if opinion is None or self.aspects is None else side(opinion.label)
        evidence = tuple(
            Evidence(
                word.word,
                word.start,
                word.end,
                NAMES[word.polarity],
                word.negated,
                None if said == "other" else (weigh([word]) > 0) == (said == "positive"),
            )
            for word in sorted(words, key=lambda word: word.start)
        )
        error = judged if isinstance(judged, str) else None
        return SeenAspect(place.of(text), place.start, place.end, opinion, evidence, error)

    def _marked(self, review: Sample, answer: Answer | None, found: Occurrences) -> list[tuple[Span, list[Found]]] | str:
        """Of a review its aspects, with the words that speak of them; or why they cannot be marked."""
        if answer is None:
            return self._known(review.text or "", found)
        if "error" in answer:
            return str(answer["error"])
        places = [Span(one["start"], one["end"], one["role"]) for one in answer["spans"] or () if one["role"] == self.role]
        known = Bounds([], []) if self.knowledge is None else bounds(review.text or "", self.knowledge.language)
        return list(zip(places, beside(places, found.words, known), strict=True))

    def _known(self, text: str, found: Occurrences) -> list[tuple[Span, list[Found]]]:
        """The aspects of the knowledge's pairs in the order of the text, those too that no sentiment word speaks of."""
        places = [] if self.knowledge is None else find_aspects(text, self.knowledge)
        own: dict[Span, list[Found]] = {Span(start, end, self.role): [] for start, end in places}
        for pair in found.pairs:
            own[Span(pair.start, pair.end, self.role)].append(pair.word)
        return list(own.items())

    def _weighed(self, words: Sequence[Found]) -> Opinion | None:
        """The sign of the sum of the scores; None without knowledge."""
        if self.knowledge is None:
            return None
        balance = weigh(words)
        return Opinion(NEUTRAL if balance == 0 else NAMES[balance > 0])


def _answers(model: Predictor | None, samples: Sequence[Sample]) -> Sequence[Answer | None]:
    """Of each sample what the model says; None where there is no model."""
    return [None] * len(samples) if model is None or not samples else model.predict(samples)


def _opinion(answer: Answer, source: str) -> Opinion | str:
    """What a model answered, or its error."""
    if "error" in answer:
        return str(answer["error"])
    if not isinstance(answer["label"], str):
        raise RecipeError(f"{source} answers several classes at once; here one is needed")
    return Opinion(answer["label"], answer["probabilities"])


def beside(places: Sequence[Span], words: Sequence[Found], bounds: Bounds) -> list[list[Found]]:
    """For each place the words that speak of it: each of the nearest place of its clause, or, where that has none, of its sentence.

    Of two places that are equally near the right one has the word. A word inside a place speaks of nothing.

    Args:
        places: in the order of the text, not overlapping.
        words: of the same text.
        bounds: where its sentences and clauses begin. A place that goes over a bound belongs to both sides.
    """
    found: list[list[Found]] = [[] for _ in places]
    begins = [place.start for place in places]
    for word in words:
        right = bisect_left(begins, word.start)
        near = [at for at in (right, right - 1) if 0 <= at < len(places)]
        if any(places[at].start < word.end and word.start < places[at].end for at in near):
            continue
        for starts in (bounds.clauses, bounds.sentences):
            same = [at for at in near if _together(places[at], word, starts)]
            if same:
                found[min(same, key=lambda at: max(places[at].start - word.end, word.start - places[at].end))].append(word)
                break
    return found


def _together(place: Span, word: Found, starts: Sequence[int]) -> bool:
    """Whether nothing begins between the word and the side of the place that is towards it."""
    toward = place.start if place.start >= word.end else place.end - 1
    return bisect_right(starts, toward) == bisect_right(starts, word.start)
