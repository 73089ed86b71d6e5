"""Captions that read alike: those that say nearly the same are no negatives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from polysense.knowledge.rewriting import Caption, rewrite
from polysense.knowledge.rewriting.corpus import CaptionCorpus
from polysense.knowledge.rewriting.sentences import Sentences
from polysense.knowledge.tfidf import tfidf

OWN = "a small brown dog runs over the wet grass of the park behind the old house"
COPY = "Small brown dog runs over the wet grass of the park behind the old house ."
NEARLY = "a small brown dog runs over the the wet grass of the park behind the old house"
ALIKE = "a small brown dog sleeps on the wet grass of the park"
OTHER = "two people sit at a table"
CAPTIONS = [Caption(text, f"{number}.jpg") for number, text in enumerate((OWN, COPY, NEARLY, ALIKE, OTHER))]


def test_what_is_nearly_equal_is_in_no_pool() -> None:
    sentences = Sentences(CaptionCorpus.of(CAPTIONS), ranks=10, most_similar=0.95)
    (vectors,) = tfidf(sentences.texts)
    cosines = dict(zip(sentences.texts, (vectors @ vectors[[sentences.texts.index(OWN)]].T).toarray()[:, 0], strict=True))
    assert min(cosines[COPY], cosines[NEARLY]) > 0.95 > cosines[ALIKE] > 0.3
    assert sentences.pools([OWN]) == {OWN: [ALIKE]}
    assert set(replace(sentences, most_similar=1.1).pools([OWN])[OWN]) == {COPY, NEARLY, ALIKE}


@pytest.mark.parametrize(("most_similar", "drawn"), [(None, {ALIKE}), (1.1, {COPY, NEARLY, ALIKE})])
def test_what_is_nearly_equal_is_no_rewrite(most_similar: float | None, drawn: set[str]) -> None:
    limit = {} if most_similar is None else {"most_similar": most_similar}
    found = rewrite(CAPTIONS, per_level={"sentence": 10, "phrase": 0, "word": 0}, **limit)
    assert {one.text for one in found.of(OWN, "0.jpg") if one.level == "sentence"} == drawn
