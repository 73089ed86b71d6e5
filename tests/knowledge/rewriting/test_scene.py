from __future__ import annotations

import pytest

from polysense.knowledge.english import PatternTagger
from polysense.knowledge.rewriting.grammar import article, is_plural, stem
from polysense.knowledge.rewriting.scene import parts, verb_stems


def read(text: str, *others: str) -> dict[str, list[str]]:
    tag = PatternTagger().tag
    verbs = verb_stems(map(tag, [text, *others]))
    found: dict[str, list[str]] = {}
    for part in parts(text, tag(text), verbs):
        assert text[part.start : part.end].lower() == part.words
        found.setdefault(part.kind, []).append(part.words)
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "A small brown dog is running through the green grass .",
            {
                "object": ["dog", "grass"],
                "attribute": ["small", "brown", "green"],
                "phrase": ["small brown dog", "green grass"],
                "relation": ["running through"],
            },
        ),
        (
            "Two boys in a swimming pool .",
            {
                "object": ["boys", "pool"],
                "attribute": ["two", "swimming"],
                "phrase": ["two boys", "swimming pool"],
                "relation": ["in"],
            },
        ),
        ("A man rides a dirt bike .", {"object": ["man", "bike"], "phrase": ["dirt bike"], "relation": ["rides"]}),
        ("A man , a dog .", {"object": ["man", "dog"]}),
        ("A dog in front of him", {"object": ["dog"]}),
        ("There it is .", {}),
    ],
)
def test_a_caption_is_read_by_the_rules(text: str, found: dict[str, list[str]]) -> None:
    assert read(text, "A man is riding .") == found


def test_a_verb_that_a_tagger_takes_for_a_noun_is_known_by_its_other_form() -> None:
    text = "A dog jumps over a log ."
    assert read(text, "A dog is jumping .")["relation"] == ["jumps over"]


def test_the_neighbours_of_a_part_end_at_a_sign() -> None:
    text = "An old dog , near a cat ."
    found = {part.words: part for part in parts(text, PatternTagger().tag(text), frozenset())}
    assert (found["dog"].before, found["dog"].after) == ("old", "")
    assert (found["old"].before, found["old"].after) == ("a", "dog")
    assert (found["cat"].before, found["cat"].after) == ("a", "")


@pytest.mark.parametrize(
    ("word", "plural"),
    [
        ("dogs", True),
        ("dog", False),
        ("men", True),
        ("grass", False),
        ("bus", False),
        ("children", True),
        ("tennis", False),
        ("snowmen", True),
    ],
)
def test_number(word: str, plural: bool) -> None:
    assert is_plural(word) == plural


@pytest.mark.parametrize(
    "forms",
    [("run", "runs", "running"), ("ride", "rides", "riding"), ("dog", "dogs"), ("puppy", "puppies"), ("dress", "dresses")],
)
def test_the_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize(
    ("word", "right"),
    [("dog", "a"), ("owl", "an"), ("Orange cat", "an"), ("hour", "an"), ("unicycle", "a"), ("one-piece", "a")],
)
def test_the_article(word: str, right: str) -> None:
    assert article(word) == right
