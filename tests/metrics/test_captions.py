from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from polysense.metrics import captions
from polysense.metrics.captions import bleu_4, cider, rouge_l, rouge_l_f1, rouge_n, words

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "captions.json").read_text("utf-8"))
TEXTS = [text.split() for text in GOLDEN["texts"]]
REFERENCES = [[one.split() for one in several] for several in GOLDEN["references"]]


@pytest.mark.parametrize("name", ["bleu_4", "rouge_l", "cider", "rouge_l_f1"])
def test_values_are_those_of_the_published_implementations(name: str) -> None:
    assert getattr(captions, name)(TEXTS, REFERENCES) == pytest.approx(GOLDEN["values"][name], abs=1e-6)


@pytest.mark.parametrize("order", [1, 2])
def test_so_are_shared_sequences_of_words(order: int) -> None:
    assert rouge_n(TEXTS, REFERENCES, order=order) == pytest.approx(GOLDEN["values"][f"rouge_{order}"], abs=1e-6)


def test_two_implementations_agree_on_bleu() -> None:
    assert bleu_4(TEXTS, REFERENCES) == pytest.approx(GOLDEN["values"]["sacrebleu_4"], abs=1e-6)


def test_the_libraries_themselves_where_they_are_installed() -> None:
    scorer = pytest.importorskip("pycocoevalcap.cider.cider").Cider()
    references = dict(enumerate(GOLDEN["references"]))
    found, _ = scorer.compute_score(references, {row: [text] for row, text in enumerate(GOLDEN["texts"])})
    assert cider(TEXTS, REFERENCES) == pytest.approx(float(found), abs=1e-6)


def test_by_hand() -> None:
    text, one = words("a dog runs in the snow"), words("a dog is in the snow")
    assert rouge_n([text], [[one]], order=1) == pytest.approx(5 / 6)
    assert rouge_n([text], [[one]], order=2) == pytest.approx(3 / 5)
    assert rouge_l_f1([text], [[one]]) == rouge_l([text], [[one]]) == pytest.approx(5 / 6)
    assert bleu_4([text], [[one]]) == 0.0  # no four words in a row
    longer = words("a dog runs in the deep snow")
    hits = (6 / 6) * (4 / 5) * (3 / 4) * (2 / 3)
    assert bleu_4([text], [[longer]]) == pytest.approx(hits**0.25 * math.exp(1 - 7 / 6))


def test_what_is_equal_has_the_most_and_what_shares_nothing_none() -> None:
    own = [[one[0]] for one in REFERENCES if len(one[0]) > 3]
    equal, other = [one[0] for one in own], [["zebra"] * 5 for _ in own]
    for score in (bleu_4, rouge_l, rouge_l_f1):
        assert score(equal, own) == pytest.approx(1.0)
        assert score(other, own) == 0.0
    assert cider(equal, own) == pytest.approx(10.0)
    assert cider(other, own) == 0.0


def test_nothing_written_is_worth_nothing() -> None:
    for score in (bleu_4, rouge_l, rouge_l_f1, cider):
        assert score([[], []], [[["a", "dog"]], [["a", "cat"]]]) == 0.0
        assert score([], []) == 0.0


def test_words() -> None:
    assert words('A man\'s T-shirt, red; "Über-cool"!') == ["a", "man's", "t-shirt", "red", "über-cool"]
    assert words(" ... ") == []
