"""Where knowledge occurs in a text: its sentiment words, and the aspects that they speak of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from polysense.data.markup import without_markup
from polysense.knowledge.chinese import JiebaTagger
from polysense.knowledge.english import PlainWords
from polysense.knowledge.entries import NAMES, Polarity
from polysense.knowledge.function_words import FUNCTION_WORDS
from polysense.knowledge.gaps import Gap, gap_between
from polysense.knowledge.knowledge import Knowledge
from polysense.knowledge.tagger import Language, Tagger, Token

REACH = 3
"""Words between which a sentiment word and its aspect, or its negator, may stand: the distance is at most this."""

_NEGATIONS = """
not n't aint arent cant couldnt didnt doesnt dont hadnt hasnt havent isnt shouldnt wasnt werent wont wouldnt
"""
"""Also as they are typed in haste."""

_NOT = tuple(_NEGATIONS.split())

NEGATORS: dict[Language, frozenset[str]] = {
    "en": frozenset(
        (*_NOT, "no", "never", "cannot", "nor", "neither", "without", "hardly", "barely", "nothing", "none", "nobody")
    ),
    "zh": frozenset(
        ("不", "没", "没有", "无", "未", "别", "不是", "不会", "不能", "不够", "不太", "不怎么", "并不", "毫无", "绝不", "并非")
    ),
}

NO_NEGATION: dict[Language, tuple[tuple[str, str], ...]] = {
    "en": (
        ("no", "doubt"),
        ("no", "wonder"),
        ("nothing", "but"),
        *((negator, word) for negator in _NOT for word in ("only", "just", "merely")),
    ),
    "zh": (("不", "只"), ("不", "仅"), ("不", "光")),
}
"""Negators that negate nothing before the word beside them. Most such phrases of Chinese are words of the dictionary: 不仅, 不得不."""


@dataclass(frozen=True, slots=True)
class Found:
    """A word of the lexicon in a text."""

    word: str
    start: int
    """Characters of the text as it was given; ``text[start:end]`` is the word."""
    end: int
    polarity: Polarity
    score: float
    negated: bool
    """Whether a negator stands at most three words to its left, in the same clause. The polarity is the word's own all the same."""


@dataclass(frozen=True, slots=True)
class FoundPair:
    """A sentiment word with the aspect that it speaks of."""

    aspect: str
    start: int
    """Of the aspect."""
    end: int
    word: Found
    known: bool
    """Whether the pair is one of the knowledge's."""


@dataclass(frozen=True, slots=True)
class Occurrences:
    """What was found in one text, in its order."""

    words: tuple[Found, ...] = ()
    pairs: tuple[FoundPair, ...] = ()

    @property
    def balance(self) -> float:
        """The sum of the words' scores, see :func:`weigh`."""
        return weigh(self.words)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; polarities by name."""
        words = {word.start: {**asdict(word), "polarity": NAMES[word.polarity]} for word in self.words}
        pairs = [
            {"aspect": pair.aspect, "start": pair.start, "end": pair.end, "word": words[pair.word.start]} for pair in self.pairs
        ]
        return {"words": list(words.values()), "pairs": pairs}


def weigh(words: Iterable[Found]) -> float:
    """The sum of the scores; behind a negator a word counts for the other side."""
    return sum(-word.score if word.negated else word.score for word in words)


_PLAIN: dict[Language, Tagger] = {"en": PlainWords(), "zh": JiebaTagger()}


def find(
    text: str,
    knowledge: Knowledge,
    tagger: Tagger | None = None,
    *,
    known_pairs: bool = True,
    skip_negated: bool = False,
    whole: Callable[[int, int], bool] | None = None,
) -> Occurrences:
    """The sentiment words of a text and their aspects.

    A word's aspect is the nearest noun of its clause at a distance of at most three words, at equal distance the one to the right;
    where its clause has none so near, the nearest one of its sentence. A word of the lexicon is no aspect, and a function word is
    none. Clauses end at commas, semicolons, colons, dashes and brackets (:class:`polysense.knowledge.gaps.Gap`).

    Args:
        text: any text; offsets count its characters. Its HTML tags and entities are no words, and stand in gaps.
        knowledge: whose language says how words are cut.
        tagger: what says which words are nouns. Without one the aspects of the knowledge's pairs are the nouns, and no tags are
            needed: this is the fast way, tens of thousands of short texts a second.
        known_pairs: only pairs that are in the knowledge.
        skip_negated: leave out sentiment words with a negator at most three words to their left, in their clause.
        whole: whether a word from its first character to before its last one is read; others are as if the text ended before them.

    Raises:
        PolysenseError: the text is Chinese, or a tagger was given, and the extra ``knowledge`` is not installed.
    """
    text = without_markup(text)
    tokens = (tagger or _PLAIN[knowledge.language]).tag(text)
    if whole is not None:
        tokens = [token for token in tokens if whole(token.start, token.end)]
    lexicon = knowledge.words
    places = [place for place, token in enumerate(tokens) if token[0] in lexicon]
    if not places:
        return Occurrences()
    words: list[Found] = []
    pairs: list[FoundPair] = []
    near = _Neighbours(text, tokens, knowledge.language)
    nouns = (
        {token.word for token in tokens if token.tag == "NOUN"} - FUNCTION_WORDS[knowledge.language]
        if tagger
        else knowledge.aspects
    )
    for place in places:
        word, _, start, end = tokens[place]
        negated = near.negated(place)
        if negated and skip_negated:
            continue
        entry = lexicon[word]
        found = Found(word, start, end, entry.polarity, entry.score, negated)
        words.append(found)
        aspect: Token | None = None
        for other, gap in near.both(place) if nouns else ():
            token = tokens[other]
            if token.word in nouns and token.word not in lexicon and (tagger is None or token.tag == "NOUN"):
                aspect = token if aspect is None or gap < Gap.CLAUSE else aspect
                if gap < Gap.CLAUSE:
                    break
        if aspect is not None:
            known = (aspect.word, word) in knowledge.pairs
            if known or not known_pairs:
                pairs.append(FoundPair(aspect.word, aspect.start, aspect.end, found, known))
    return Occurrences(tuple(words), tuple(pairs))


def find_aspects(text: str, knowledge: Knowledge) -> list[tuple[int, int]]:
    """Where aspects of the knowledge's pairs stand in a text, whether or not a sentiment word is near, in its order.

    Raises:
        PolysenseError: the text is Chinese, and the extra ``knowledge`` is not installed.
    """
    tokens = _PLAIN[knowledge.language].tag(without_markup(text))
    return [(one.start, one.end) for one in tokens if one.word in knowledge.aspects and one.word not in knowledge.words]


class _Neighbours:
    """The places near a word in its sentence, each with the widest gap up to it; gaps are looked at where they are asked for."""

    def __init__(self, text: str, tokens: Sequence[Token], language: Language) -> None:
        self.text = text
        self.tokens = tokens
        self.language = language

    def left(self, place: int) -> Iterator[tuple[int, Gap]]:
        """From the nearest on."""
        widest = Gap.JOINED
        for other in range(place - 1, max(place - REACH, 0) - 1, -1):
            widest = max(widest, self._gap(other))
            if widest is Gap.SENTENCE:
                return
            yield other, widest

    def right(self, place: int) -> Iterator[tuple[int, Gap]]:
        """From the nearest on."""
        widest = Gap.JOINED
        for other in range(place + 1, min(place + REACH, len(self.tokens) - 1) + 1):
            widest = max(widest, self._gap(other - 1))
            if widest is Gap.SENTENCE:
                return
            yield other, widest

    def both(self, place: int) -> Iterator[tuple[int, Gap]]:
        """By distance, of equal ones the right one first."""
        left, right = self.left(place), self.right(place)
        for _ in range(REACH):
            yield from (other for other in (next(right, None), next(left, None)) if other is not None)

    def negated(self, place: int) -> bool:
        """Whether a negator stands before the word in its clause."""
        return any(gap < Gap.CLAUSE and self._negates(other) for other, gap in self.left(place))

    def _negates(self, place: int) -> bool:
        """Whether the word, which is not the last one, is a negator in earnest."""
        word, following = self.tokens[place].word, self.tokens[place + 1].word
        if word not in NEGATORS[self.language]:
            return False
        return (word, following) not in NO_NEGATION[self.language] or self._gap(place) is not Gap.JOINED

    def _gap(self, place: int) -> Gap:
        """What stands behind the word."""
        before, after = self.tokens[place], self.tokens[place + 1]
        return gap_between(self.text, before.word, before.end, after.start, self.language)
