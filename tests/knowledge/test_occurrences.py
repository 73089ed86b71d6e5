from __future__ import annotations

import random

import pytest

from made_reviews import GOOD_BAD, KnownWords, quietly
from polysense.knowledge import NEGATIVE, POSITIVE, Entry, Knowledge, Pair, find
from polysense.knowledge.occurrences import find_aspects
from polysense.knowledge.tagger import Language

ENGLISH = Knowledge(
    {"good": Entry(1.0, POSITIVE), "bad": Entry(-1.0, NEGATIVE), "bright": Entry(0.5, POSITIVE)},
    {("screen", "good"): Pair(3, POSITIVE), ("soup", "bad"): Pair(2, NEGATIVE), ("screen", "bright"): Pair(2, POSITIVE)},
)
CHINESE = Knowledge(
    {"好吃": Entry(1.0, POSITIVE), "差": Entry(-1.0, NEGATIVE)},
    {("早餐", "好吃"): Pair(2, POSITIVE), ("态度", "差"): Pair(2, NEGATIVE)},
    "zh",
)


def pairs(text: str, knowledge: Knowledge = ENGLISH, tagger=None, **options: bool) -> list[tuple[str, str]]:
    return [(pair.aspect, pair.word.word) for pair in find(text, knowledge, tagger, **options).pairs]


def test_words_are_found_with_their_places_in_the_original_text() -> None:
    text = "“GOOD”, she said: Ｇｏｏｄ screen, bad-tempered; a bad\u00a0soup"
    found = find(text, ENGLISH)
    assert [text[word.start : word.end] for word in found.words] == ["GOOD", "Ｇｏｏｄ", "bad"]
    assert [word.polarity for word in found.words] == [POSITIVE, POSITIVE, NEGATIVE]
    assert [text[pair.start : pair.end] for pair in found.pairs] == ["screen", "soup"]


def test_chinese_words_are_cut_by_the_dictionary() -> None:
    text = "早餐很好吃。服务员态度差。"
    found = find(text, CHINESE)
    assert [text[word.start : word.end] for word in found.words] == ["好吃", "差"]
    assert [(text[pair.start : pair.end], pair.word.word) for pair in found.pairs] == [("早餐", "好吃"), ("态度", "差")]
    assert find("差不多", CHINESE).words == ()  # a part of another word


@pytest.mark.parametrize(
    ("text", "aspects"),
    [
        ("screen one two good", ["screen"]),
        ("screen one two three good", []),
        ("good one two screen", ["screen"]),
        ("screen is good soup", ["soup"]),  # the nearer one
        ("soup good screen", ["screen"]),  # of equally near ones the right one
        ("soup is good one screen", ["screen"]),
        ("good. Screen", []),
        ("The screen! Good", []),
        ("good, screen", ["screen"]),
        ("screen is very good, soup", ["screen"]),  # of its clause, although further
        ("soup, good is the screen", ["screen"]),
        ("soup, good is very nice screen", ["soup"]),  # its clause has none within reach
        ("screen, is good, soup", ["soup"]),  # then the nearer one
        ("good (screen) soup", ["screen"]),
        ("screen, is, very, good", ["screen"]),
        ("screen, is, very, so, good", []),
        ('soup, "good" is the screen', ["screen"]),  # quotation marks, hyphens and slashes bound no clause
        ("soup, good/new screen", ["screen"]),
        ("soup, good but-not-new screen", ["screen"]),
        ("good bright screen", ["screen", "screen"]),  # a word of the lexicon is no aspect
    ],
)
def test_the_nearest_noun_is_the_aspect(text: str, aspects: list[str]) -> None:
    found = find(text, ENGLISH, KnownWords(), known_pairs=False)
    assert [pair.aspect for pair in found.pairs] == aspects


def test_only_pairs_of_the_knowledge_unless_asked() -> None:
    tagger = KnownWords()
    assert pairs("a good soup", tagger=tagger) == []
    assert pairs("a good soup", tagger=tagger, known_pairs=False) == [("soup", "good")]
    assert pairs("a good screen", tagger=tagger) == [("screen", "good")]


def test_without_a_tagger_the_aspects_of_the_knowledge_are_the_nouns() -> None:
    assert pairs("a good price screen") == [("screen", "good")]
    assert pairs("a good price screen", tagger=KnownWords()) == []


def test_a_negator_is_no_aspect_although_taggers_take_it_for_a_noun() -> None:
    tagger = KnownWords({"good": "ADJ", "n't": "NOUN", "not": "NOUN", "soup": "NOUN"})
    assert pairs("isn't good", tagger=tagger, known_pairs=False) == []
    texts = ["this isn't good soup", "the soup is not good", "a bad soup"]
    mined = quietly(
        texts, seeds=GOOD_BAD, tagger=tagger, tags=None, patterns=None, min_count=1, min_seed_count=1, min_pair_count=1
    )
    assert {aspect for aspect, _ in mined.pairs} == {"soup"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The soup is bad, screen is good.", [("soup", "bad"), ("screen", "good")]),
        ("The screen is good, soup is bad.", [("screen", "good"), ("soup", "bad")]),
        ("a good, bright screen", [("screen", "good"), ("screen", "bright")]),
    ],
)
def test_a_word_speaks_of_its_own_clause(text: str, said: list[tuple[str, str]]) -> None:
    assert pairs(text) == said


def test_chinese_clauses() -> None:
    knowledge = Knowledge(
        {"好": Entry(1.0, POSITIVE), "差": Entry(-1.0, NEGATIVE)},
        {(aspect, word): Pair(2, side) for aspect in ("屏幕", "电池") for word, side in (("好", POSITIVE), ("差", NEGATIVE))},
        "zh",
    )
    assert pairs("屏幕很好，电池太差", knowledge) == [("屏幕", "好"), ("电池", "差")]
    texts = ("电池 不是 好", "屏幕不，好", "不只差", "不仅差", "不得不差")
    assert [word.negated for text in texts for word in find(text, knowledge).words] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("It is not cheap, good", False),
        ("not (so) good", False),
        ('not "so" good', True),
        ("no doubt good", False),
        ("no, doubt good", False),  # another clause
        ("no; “doubt good", False),
        ("no “doubt good", True),  # a sign between: not the phrase
        ("not only good", False),
        ("isn't just good", False),
        ("No wonder: good", False),
        ("nothing but good", False),
        ("no doubt not good", True),
        ("nothing good", True),
        ("not good", True),
        ("It isn't very good", True),
        ("never so very good", True),
        ("not in the very least good", False),
        ("Not mine. Good", False),
        ("good, not", False),
        ("I can’t say good", True),
        ("It isn&#39;t very good", True),
        ("It isn´t very good", True),
        ("It isnt very good", True),
        ("It Dont just good", False),
        ("It isn&rsquo;t just good", False),
        ("It isn&#x27;t mine, good", False),
    ],
)
def test_negators_at_most_three_words_to_the_left(text: str, negated: bool) -> None:
    [word] = find(text, ENGLISH).words
    assert word.negated is negated
    assert word.polarity == POSITIVE
    assert len(find(text, ENGLISH, skip_negated=True).words) == (0 if negated else 1)


def test_nothing_is_found_in_nothing() -> None:
    for text in ("", "   ", "?!", "neutral words"):
        assert find(text, ENGLISH).words == find(text, ENGLISH).pairs == ()


SIGNS = ("", "", "", "", ",", ";", " -", ":", ".", '"', "/", "...", "<br />", "</i>", "&mdash;", " &amp;", "n&#39;t")


@pytest.mark.parametrize("skip_negated", [False, True])
def test_finding_agrees_with_mining(skip_negated: bool) -> None:
    draw = random.Random(1)
    words = ["good", "bad", "screen", "soup", "room", "very", "not", "only", "no", "doubt", "is", "bright", "the"]
    texts = [" ".join(draw.choice(words) + draw.choice(SIGNS) for _ in range(draw.randint(1, 14))) for _ in range(600)]
    tagger = KnownWords()
    mined = quietly(
        texts,
        seeds=GOOD_BAD,
        tags=("ADJ",),
        patterns=None,
        min_count=1,
        min_seed_count=1,
        min_pair_count=1,
        tagger=tagger,
        skip_negated=skip_negated,
    )
    counts: dict[tuple[str, str], int] = {}
    for text in texts:
        for pair in find(text, mined, tagger, known_pairs=False, skip_negated=skip_negated).pairs:
            key = (pair.aspect, pair.word.word)
            counts[key] = counts.get(key, 0) + 1
    assert counts == {pair: known.count for pair, known in mined.pairs.items()}
    assert not {"br", "i", "mdash", "amp"} & {*mined.words, *mined.aspects}
    assert sum(counts.values()) > 100


@pytest.mark.parametrize("language", ["en", "zh"])
def test_html_is_a_gap_and_characters_count_as_they_are(language: Language) -> None:
    if language == "zh":
        pytest.importorskip("rjieba")
    good, screen = ("good", "screen") if language == "en" else ("好", "味道")
    other = {"en": "br", "zh": "nbsp"}[language]
    knowledge = Knowledge(
        {good: Entry(1.0, POSITIVE)}, {(screen, good): Pair(3, POSITIVE), (other, good): Pair(2, POSITIVE)}, language
    )
    text = f"<b>{good}</b>&nbsp;<i class='x'>{screen}</i><br /><br>{screen}&lt;br /&gt;"
    [word] = find(text, knowledge).words
    [pair] = find(text, knowledge).pairs
    assert (word.start, text[word.start : word.end]) == (3, good)
    assert (pair.start, text[pair.start : pair.end]) == (text.index(screen), screen)
    assert [text[start:end] for start, end in find_aspects(text, knowledge)] == [screen, screen]
