"""A further column behind the text, and posts in the spelling of BERTweet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from polysense.data.cache import FeatureCache
from polysense.data.collate import Collate
from polysense.data.tweets import normalized
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, RecipeError
from polysense.types import Sample

ROWS = [
    Sample(id="1", text="what a day", extra={"ocr": "keep calm"}),
    Sample(id="2", text="what a day"),
    Sample(id="3", text="", extra={"ocr": "rain"}),
    Sample(id="4", text="so tired of this rain", extra={"ocr": ""}),
    Sample(id="5", extra={"ocr": "rain"}),
]


def test_it_stands_behind_the_text_as_the_tokenizer_joins_pairs(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text, beside="ocr")
    found = encoder.prepare(ROWS[:1])
    assert found["input_ids"][0].tolist() == encoder.tokenizer("what a day", "keep calm")["input_ids"]
    assert set(found["token_type_ids"][0].tolist()) == {0, 1}


def test_a_row_without_it_is_read_as_text_alone(tiny_text: str) -> None:
    with_it, plain = TransformerText(tiny_text, beside="ocr").eval(), TransformerText(tiny_text).eval()
    with torch.no_grad():
        found, expected = (encoder.encode(encoder.prepare(ROWS))[2] for encoder in (with_it, plain))
    same = [place for place in range(len(ROWS)) if torch.allclose(found[place], expected[place], atol=1e-5)]
    assert same == [1, 3, 4]


def test_batches_and_their_order_change_nothing(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text, beside="ocr", piece_rows=2).eval()
    with torch.no_grad():
        together = encoder.encode(encoder.prepare(ROWS))[2]
        alone = torch.cat([encoder.encode(encoder.prepare([row]))[2] for row in ROWS])
    assert torch.allclose(together, alone, atol=1e-5)


def test_of_a_long_pair_the_longer_one_is_cut(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text, beside="ocr", max_length=12)
    row = Sample(id="1", text="a " * 40, extra={"ocr": "rain"})
    ids = encoder.prepare([row])["input_ids"][0].tolist()
    assert len(ids) == 12
    assert encoder.tokenizer.decode(ids, skip_special_tokens=True).endswith("rain")
    assert encoder.is_cut(row)
    assert not encoder.is_cut(ROWS[1])


def test_equal_texts_with_other_words_beside_them_are_no_duplicates(tiny_text: str) -> None:
    keys = TransformerText(tiny_text, beside="ocr").prepare(ROWS)["key"].tolist()
    assert len(set(keys[:4])) == 4
    assert keys[4] == 0


def test_a_frozen_encoder_remembers_pairs(tiny_text: str, tmp_path: Path) -> None:
    encoder = TransformerText(tiny_text, beside="ocr", trainable=False, tokens="pooled").eval()
    cache = FeatureCache(encoder, root=tmp_path)
    cache.fill(ROWS[:4])
    with torch.no_grad():
        expected = encoder.encode(encoder.prepare(ROWS[:4]))[2]
    assert torch.allclose(cache.prepare(ROWS[:4])["summary"], expected, atol=1e-5)


def test_posts_are_read_in_the_spelling_of_bertweet(tiny_text: str) -> None:
    encoder, plain = TransformerText(tiny_text, normalize="tweets", beside="ocr"), TransformerText(tiny_text)
    row = Sample(id="1", text="@ann what a day http://t.co/a 😂", extra={"ocr": "don’t"})
    expected = plain.tokenizer(normalized(str(row.text)), "do n't")["input_ids"]
    assert encoder.prepare([row])["input_ids"][0].tolist() == expected


def test_retweets_that_differ_in_handle_and_address_are_one_text(tiny_text: str) -> None:
    texts = ["RT @ann: so true https://t.co/abc1", "RT @bob: so  true https://t.co/xyz2", "RT @bob: so wrong https://t.co/xyz2"]
    rows = [Sample(id=text, text=text, extra={"ocr": "@eve"}) for text in texts]
    rows.append(replace(rows[0], extra={"ocr": "@mia"}))
    for encoder in (
        TransformerText(tiny_text, normalize="tweets"),
        TransformerText(tiny_text, normalize="tweets", beside="ocr"),
    ):
        fields = Collate({"text": encoder})([*rows, Sample(id="none", image=Image.new("RGB", (2, 2)))])["text"]
        assert fields["input_ids"][0].tolist() == fields["input_ids"][1].tolist()
        first, again, other, handle, none = fields["key"].tolist()
        assert first == again == handle != other
        assert none == 0
    assert len(set(Collate({"text": TransformerText(tiny_text)})(rows)["text"]["key"].tolist())) == 3


@pytest.mark.parametrize("column", ["orc", "pair", "empty"])
def test_a_column_that_no_training_row_has_is_refused(column: str) -> None:
    rows = [replace(row, extra={**row.extra, "title": "x", "empty": ""}) for row in ROWS]
    near = "did you mean 'ocr'\\? " if column == "orc" else ""
    with pytest.raises(DataError, match=rf"beside: no training row has .* '{column}'; {near}valid: 'ocr', 'title'$"):
        TransformerText.complete({"beside": column}, rows)
    TransformerText.complete({"beside": "pair"}, [replace(ROWS[0], pair="a"), ROWS[1]])
    assert TransformerText.complete({"beside": None}, rows) == {"beside": None}


def test_rows_without_it_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    TransformerText.complete({"beside": "ocr"}, ROWS)
    assert capsys.readouterr().err == "2 of 4 training texts have no 'ocr' and are read alone\n"
    TransformerText.complete({"beside": "ocr"}, ROWS[:1])
    TransformerText.complete({"beside": None}, ROWS)
    assert capsys.readouterr().err == ""


def test_the_choices_are_part_of_the_fingerprint(tiny_text: str) -> None:
    choices = ({}, {"beside": "ocr"}, {"beside": "title"}, {"normalize": "tweets"})
    assert len({TransformerText(tiny_text, **one).preprocessing() for one in choices}) == len(choices)


def test_words_are_not_looked_for_in_other_texts(tiny_text: str) -> None:
    for encoder in (TransformerText(tiny_text, normalize="tweets"), TransformerText(tiny_text, beside="ocr")):
        with pytest.raises(RecipeError, match="words and spans cannot be found"):
            encoder.spans(ROWS[:1])


def test_one_of_two_stands_with_the_text(tiny_text: str) -> None:
    with pytest.raises(RecipeError, match="either an aspect or another column"):
        TransformerText(tiny_text, aspect=True, beside="ocr")


def test_the_rows_second_text_is_read_behind_the_first(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text, beside="pair")
    rows = [Sample(id="1", text="a lovely day", pair="a wet day"), Sample(id="2", text="a lovely day")]
    ids = encoder.prepare(rows)["input_ids"]
    wanted = encoder.tokenizer("a lovely day", "a wet day")["input_ids"]
    assert ids[0].tolist() == wanted
    assert (
        ids[1][: len(encoder.tokenizer("a lovely day")["input_ids"])].tolist() == encoder.tokenizer("a lovely day")["input_ids"]
    )
