from __future__ import annotations

from pathlib import Path

import pytest

from made_sentiment import write_metaspace
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.types import Sample

TEXTS = ["the Soup was  good", "", "café houses, houses and houses in the garden of gardens"]


@pytest.fixture(scope="module", params=["wordpiece", "metaspace"])
def encoder(request: pytest.FixtureRequest, tiny_text: str, tmp_path_factory: pytest.TempPathFactory) -> TransformerText:
    wordpiece = request.param == "wordpiece"
    return TransformerText(tiny_text if wordpiece else write_metaspace(tmp_path_factory.mktemp("cut")), max_length=24)


def test_every_token_that_is_read_has_a_span_of_its_text(encoder: TransformerText) -> None:
    samples = [Sample(id="", text=text) for text in TEXTS]
    ids, spans = encoder.prepare(samples)["input_ids"], encoder.spans(samples)
    special = encoder.vocabulary.special
    for text, tokens, row in zip(TEXTS, ids.tolist(), spans, strict=True):
        assert len(row) == len(tokens)
        for token, (start, end) in zip(tokens, row, strict=True):
            assert (start == end == 0) == bool(special[token])
            assert 0 <= start <= end <= len(text)
    soup = "".join(
        TEXTS[0][start:end].strip() for start, end in spans[0] if start < TEXTS[0].index(" was") and end > len("the ")
    )
    assert soup == "Soup"


def test_texts_without_tokens_have_a_span_for_the_padding(encoder: TransformerText) -> None:
    samples = [Sample(id="", text="")]
    assert len(encoder.spans(samples)[0]) == encoder.prepare(samples)["input_ids"].shape[1]
    assert set(encoder.spans(samples)[0]) == {(0, 0)}


def test_a_tokenizer_that_cannot_tell_is_refused_by_name(tiny_text: str, tmp_path: Path) -> None:
    from transformers import BertTokenizerLegacy

    made = TransformerText(tiny_text)
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n", encoding="utf-8")
    made._reader.tokenizer = BertTokenizerLegacy(str(tmp_path / "vocab.txt"))
    with pytest.raises(RecipeError, match="BertTokenizerLegacy does not say which characters"):
        made.spans([Sample(id="", text="a")])
