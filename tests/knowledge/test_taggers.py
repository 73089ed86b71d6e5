from __future__ import annotations

import pickle
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polysense.data.markup import without_markup
from polysense.knowledge import NEGATIVE, Entry, Knowledge, find
from polysense.knowledge.chinese import JiebaTagger
from polysense.knowledge.english import PatternTagger, PlainWords
from polysense.knowledge.tagger import TAGS, Tagger

TAGGERS = [PlainWords(), PatternTagger(), JiebaTagger()]


@pytest.mark.parametrize("tagger", TAGGERS, ids=lambda tagger: type(tagger).__name__)
@settings(max_examples=40, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("abZ é’'-.,!?<br/>9 \u2060`´ﬁＡ好吃的不\n\u3000😀\ud83d\ude00"), max_size=40))
def test_tokens_are_pieces_of_the_text_in_order(tagger: Tagger, text: str) -> None:
    end = 0
    for token in tagger.tag(text):
        assert end <= token.start < token.end <= len(text)
        assert token.tag in TAGS
        assert any(character.isalnum() for character in text[token.start : token.end])
        assert token.word == token.word.lower()
        end = token.end


def test_english_words_keep_their_places() -> None:
    text = "I don't like the well-made screen."
    tokens = PatternTagger().tag(text)
    assert [token.word for token in tokens] == ["i", "do", "n't", "like", "the", "well-made", "screen"]
    assert [text[token.start : token.end].lower() for token in tokens] == [token.word for token in tokens]
    assert {token.word: token.tag for token in tokens}["screen"] == "NOUN"
    assert {token.word: token.tag for token in tokens}["n't"] == "ADV"


def test_both_apostrophes_are_one() -> None:
    assert [token.word for token in PlainWords().tag("don’t DON'T it’s")] == ["do", "n't", "do", "n't", "it", "'s"]


def test_accents_typed_in_place_of_apostrophes_are_some() -> None:
    text = "don`t isn´t `good´ ´"
    tokens = PatternTagger().tag(text)
    assert [token.word for token in tokens] == ["do", "n't", "is", "n't", "good"]
    assert [text[token.start : token.end] for token in tokens] == ["do", "n`t", "is", "n´t", "good"]


@pytest.mark.parametrize("tagger", TAGGERS[:2], ids=lambda tagger: type(tagger).__name__)
def test_an_apostrophe_in_html_is_one_inside_a_word(tagger: Tagger) -> None:
    plain = "It isn't Bob's, ISN'T it? 'So' they’re"
    written = plain.replace("'", "&#39;").replace("’", "&rsquo;")
    tokens = tagger.tag(without_markup(written))
    assert [token[:2] for token in tokens] == [token[:2] for token in tagger.tag(plain)]
    assert [written[token.start : token.end] for token in tokens][1:5] == ["is", "n&#39;t", "Bob", "&#39;s"]


def test_an_accent_that_is_a_character_of_its_own_belongs_to_its_letter() -> None:
    """Decomposed texts, as some systems store file names and what is typed, hold the same words as composed ones."""
    composed = "A naïve café owner’s résumé, it's ‘soufflé-like’."
    text = unicodedata.normalize("NFD", composed)
    assert len(text) > len(composed)
    for tagger in (PlainWords(), PatternTagger()):
        tokens = tagger.tag(text)
        assert [token[:2] for token in tokens] == [token[:2] for token in tagger.tag(composed)]
        assert [unicodedata.normalize("NFC", text[token.start : token.end]) for token in tokens][1:3] == ["naïve", "café"]
    knowledge = Knowledge({"naïve": Entry(-1.0, NEGATIVE)})
    assert [found.word for found in find(text, knowledge).words] == ["naïve"]


@pytest.mark.parametrize("tagger", TAGGERS, ids=lambda tagger: type(tagger).__name__)
def test_taggers_can_be_sent_to_other_processes_and_say_who_they_are(tagger: Tagger) -> None:
    assert pickle.loads(pickle.dumps(tagger)).tag("good 好") == tagger.tag("good 好")
    assert tagger.name
