from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polysense.data.words import words
from polysense.encoders.transformer_text import TransformerText
from polysense.fusion.single import Single
from polysense.inference.given_words import given_words, in_given_words, joined
from polysense.inference.reader import Reader, about
from polysense.inference.respondent import Respondent
from polysense.learner import Learner
from polysense.model import Model
from polysense.objectives.span_tagging import SpanTagging


@pytest.fixture
def respondent(tiny_text: str) -> Respondent:
    """One that marks by untrained weights, so nearly everywhere."""
    torch.manual_seed(0)
    encoder = TransformerText(tiny_text, max_length=24)
    objective = SpanTagging({"text": encoder.width}, roles=["sight", "thing"])
    for weights in objective.crf.parameters():
        torch.nn.init.normal_(weights)
    learner = Learner(Model({"text": encoder}, Single({"text": encoder.width})), {"spans": objective}, {"spans": 1.0}, seed=0)
    return Respondent(learner.eval(), Reader(("text",)), batch_size=4)


def test_words_are_read_as_their_text_and_counted_as_they_were_given(respondent: Respondent) -> None:
    row = ["a", "garden gate", "", "isn't", "words", "."]
    text, own, named = respondent.stream([" ".join(row), row, {"id": "x", "text": tuple(row)}])
    assert (own["id"], named["id"]) == ("2", "x")
    assert own["spans"] == named["spans"]
    assert own["spans"]
    for given_span, span in zip(own["spans"], text["spans"], strict=True):
        assert {**given_span, "words": None} == {**span, "words": None}
        first, behind = given_span["words"]
        assert span["text"] in " ".join(row[first:behind])
        assert not any(span["text"] in " ".join(row[first + 1 : behind]) for _ in [0] if behind - first == 1)
    assert own["unread"] == text["unread"] == 0


def test_what_is_not_read_is_counted_in_given_words(respondent: Respondent) -> None:
    with pytest.warns(UserWarning, match="were cut"):
        (answer,) = respondent.stream([["words", "in", "a", *["isn't"] * 30]])
    behind = max(span["words"][1] for span in answer["spans"])
    assert 0 < answer["unread"] <= 33 - behind + 1  # one word may be read in part


def test_only_lists_of_texts_are_words() -> None:
    assert given_words("a text") is None
    assert given_words({"text": "a text"}) is None
    assert given_words({"image": "x.png"}) is None
    assert given_words(["a", 1]) is None
    assert given_words(("a", "b")) == ["a", "b"]
    problem = Reader(("text",)).read(["a", 1], 1)
    assert "expected a text, its words, or a dict, got list" in str(problem)


def test_words_may_be_asked_about_an_aspect() -> None:
    assert list(about([["a", "b"], "c d"], ["x", "y"])) == [
        {"text": ["a", "b"], "aspect": "x"},
        {"text": "c d", "aspect": "y"},
    ]


pieces = st.lists(st.sampled_from(["a", "isn't", "front camera", "", "好看", ".", "well-made"]), max_size=6)


@settings(max_examples=60, deadline=None)
@given(pieces, st.data())
def test_every_span_and_all_that_is_unread_has_its_words(row: list[str], data: st.DataObject) -> None:
    text = joined(row, row)["text"]
    units = words(text)
    places = data.draw(st.tuples(st.integers(0, len(units)), st.integers(0, len(units))).map(sorted))
    first, behind = places
    spans: list[dict[str, Any]] = []
    if first < behind:
        spans = [{"start": units[first][0], "end": units[behind - 1][1], "role": "r", "words": [first, behind]}]
    answer = in_given_words({"spans": spans, "unread": len(units) - behind}, row)
    filled = [number for number, word in enumerate(row) if word]
    owner = [number for number in filled for _ in words(row[number])]
    for span in answer["spans"]:
        assert span["words"] == [owner[first], owner[behind - 1] + 1]
    assert answer["unread"] == len({*owner[behind:]})
