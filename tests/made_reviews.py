"""Invented reviews, and a tagger of known words, so that tests of sentiment knowledge can be checked by hand."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from polysense.knowledge import Knowledge, Seeds, mine
from polysense.knowledge.english import PlainWords
from polysense.knowledge.tagger import Tag, Tagger, Token

SEVEN = (
    "good screen bright",
    "good price",
    "bright screen good",
    "bad battery weak",
    "bad price",
    "weak battery",
    "screen battery",
)
"""The corpus whose scores are known by hand."""

GOOD_BAD = Seeds(("good",), ("bad",))

WORDS: dict[str, Tag] = {
    **dict.fromkeys(("screen", "battery", "price", "room", "soup", "staff"), "NOUN"),
    **dict.fromkeys(("good", "bad", "bright", "weak", "crisp", "stale", "tall"), "ADJ"),
    **dict.fromkeys(("very", "not", "never"), "ADV"),
    **dict.fromkeys(("is", "was", "breaks"), "VERB"),
}


class KnownWords(Tagger):
    """Tags by a list; other words are OTHER."""

    def __init__(self, words: Mapping[str, Tag] = WORDS) -> None:
        self.words = dict(words)

    @property
    def name(self) -> str:
        return "known words"

    def tag(self, text: str) -> list[Token]:
        return [token._replace(tag=self.words.get(token.word, "OTHER")) for token in PlainWords().tag(text)]


def quietly(texts: Iterable[str], **settings: Any) -> Knowledge:
    """`mine` without its warnings: small corpora are what tests are made of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return mine(texts, **settings)


def barely(texts: Iterable[str], **settings: Any) -> Knowledge:
    """Everything that was seen counts: no filters, minimum counts of 1, no pairs."""
    least: dict[str, Any] = {
        "seeds": GOOD_BAD,
        "tags": None,
        "patterns": None,
        "function_words": True,
        "pairs": False,
        "min_count": 1,
        "min_seed_count": 1,
    }
    return quietly(texts, **(least | settings))


def english_reviews(size: int = 400) -> list[str]:
    """Sentences in which some words go with praise and others with blame, by a fixed draw."""
    draw = random.Random(0)
    praise = ["crisp", "tidy", "speedy", "gentle"]
    blame = ["stale", "noisy", "greasy", "flimsy"]
    nouns = ["screen", "battery", "soup", "room", "staff", "price"]
    found = []
    for number in range(size):
        words, seeds = ((praise, ["great", "excellent"]), (blame, ["awful", "terrible"]))[number % 2]
        one, other, seed = draw.choice(words), draw.choice(words), draw.choice(seeds)
        found.append(f"The {draw.choice(nouns)} was {one}. A {seed} visit with a {other} {draw.choice(nouns)} and {one} air.")
    return found


def chinese_reviews(size: int = 400) -> list[str]:
    """The same in Chinese."""
    draw = random.Random(0)
    praise, blame = ["热情", "宽敞", "新鲜"], ["冷漠", "狭窄", "嘈杂"]
    nouns = ["酒店", "房间", "早餐", "服务员"]
    found = []
    for number in range(size):
        words, seeds = ((praise, ["满意", "不错"]), (blame, ["失望", "糟糕"]))[number % 2]
        found.append(
            f"{draw.choice(nouns)}很{draw.choice(words)}，{draw.choice(nouns)}也{draw.choice(words)}，真的很{draw.choice(seeds)}。"
        )
    return found


MANY_SEEDS = Seeds(("great", "excellent", "wonderful", "perfect"), ("awful", "terrible", "horrible", "useless"))
"""Those of :class:`Opinions`."""


PATTERN = ("a", "S", "S", "and", "S", "N", ",", "S", "N", "V", "a", "N", ",", "S", "of", "N", ",", "S", "S", "V")
"""Of a review: sentiment words, nouns and verbs."""


class Opinions:
    """Made reviews of one opinion each, about one of eight subjects, in invented words of three syllables.

    Most sentiment words of a review are of its side, and all its other words are of its subject: what is hidden at random tells of
    the subject, and of the opinion only what is mined.
    """

    def __init__(self, *, words: int = 30, subjects: int = 8) -> None:
        draw = random.Random(7)
        found: dict[str, None] = {}
        while len(found) < 2 * words + 24 * subjects:
            found["".join(draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in range(3))] = None
        every = iter(found)
        self.sides = [[next(every) for _ in range(words)] for _ in range(2)]
        self.subjects = [([next(every) for _ in range(12)], [next(every) for _ in range(12)]) for _ in range(subjects)]

    @property
    def tags(self) -> dict[str, Tag]:
        """Of every word but function words."""
        sentiment = {word for side in (*self.sides, MANY_SEEDS.positive, MANY_SEEDS.negative) for word in side}
        nouns = {word for subject, _ in self.subjects for word in subject}
        verbs = {word for _, deeds in self.subjects for word in deeds}
        kinds: tuple[tuple[set[str], Tag], ...] = ((sentiment, "ADJ"), (nouns, "NOUN"), (verbs, "VERB"))
        return {word: kind for words, kind in kinds for word in words}

    def reviews(self, size: int, *, seed: int) -> list[tuple[str, int]]:
        """Texts with 0 for blame and 1 for praise."""
        draw = random.Random(seed)
        return [self._review(draw) for _ in range(size)]

    def _review(self, draw: random.Random) -> tuple[str, int]:
        side = draw.randrange(2)
        nouns, verbs = draw.choice(self.subjects)

        def words(kind: str) -> str:
            if kind != "S":
                return draw.choice({"N": nouns, "V": verbs}.get(kind, [kind]))
            meant = side if draw.random() < 0.85 else 1 - side
            seeds = (MANY_SEEDS.negative, MANY_SEEDS.positive)[meant]
            return draw.choice(seeds if draw.random() < 0.15 else self.sides[meant])

        return " ".join(map(words, PATTERN)), side
