from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerFast, RobertaConfig, RobertaModel

from made_sentiment import write_metaspace
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, RecipeError
from polysense.types import Sample

LONGEST = 40
TEXT = "the garden was lovely but the rain so cold"
ROWS = [
    Sample(id="a", text=TEXT, aspect="garden"),
    Sample(id="b", text=TEXT, aspect="the rain"),
    Sample(id="c", text="sun", aspect="a day at home in the sun"),
    Sample(id="d", text="", aspect="garden"),
]


@pytest.fixture(scope="module")
def encoder(tiny_text: str) -> TransformerText:
    return TransformerText(tiny_text, aspect=True, max_length=LONGEST, piece_rows=2).eval()


def words(encoder: TransformerText, ids: list[int]) -> list[str]:
    return [token for token in encoder.tokenizer.convert_ids_to_tokens(ids) if token != "[PAD]"]


def summary(encoder: TransformerText, samples: list[Sample]) -> torch.Tensor:
    with torch.no_grad():
        return encoder.encode(encoder.prepare(samples))[2]


def test_the_aspect_stands_before_the_text_in_a_segment_of_its_own(encoder: TransformerText) -> None:
    fields = encoder.prepare(ROWS[:1])
    text = encoder.tokenizer.tokenize(TEXT)
    aspect = encoder.tokenizer.tokenize("garden")
    assert words(encoder, fields["input_ids"][0].tolist()) == ["[CLS]", *aspect, "[SEP]", *text, "[SEP]"]
    assert fields["token_type_ids"][0].tolist() == [0] * (len(aspect) + 2) + [1] * (len(text) + 1)
    assert fields["attention_mask"].all()


def test_the_network_is_given_what_the_tokenizer_made(encoder: TransformerText) -> None:
    fields = encoder.prepare(ROWS)
    with torch.no_grad():
        expected = encoder.backbone(**{name: value for name, value in fields.items() if name != "key"}).last_hidden_state
        without = encoder.backbone(fields["input_ids"], fields["attention_mask"]).last_hidden_state
        states, mask, _ = encoder.encode(fields)
    torch.testing.assert_close(states[mask], expected[mask], atol=1e-5, rtol=0)
    assert not torch.allclose(states[mask], without[mask], atol=1e-2)


def test_another_aspect_is_another_input_and_another_vector(encoder: TransformerText) -> None:
    one, other = encoder.prepare(ROWS[:1]), encoder.prepare(ROWS[1:2])
    assert one["input_ids"].tolist() != other["input_ids"].tolist()
    assert one["key"].item() != other["key"].item()
    vectors = summary(encoder, ROWS[:2])
    assert not torch.allclose(vectors[0], vectors[1], atol=1e-3)
    exchanged = [Sample(id="", text=TEXT, aspect=row.aspect) for row in (ROWS[1], ROWS[0])]
    torch.testing.assert_close(summary(encoder, exchanged), vectors.flip(0), atol=1e-5, rtol=0)


@pytest.mark.parametrize("piece_rows", [0, 1, 3])
def test_rows_do_not_depend_on_their_batch(tiny_text: str, encoder: TransformerText, piece_rows: int) -> None:
    other = TransformerText(tiny_text, aspect=True, max_length=LONGEST, piece_rows=piece_rows).eval()
    alone = torch.cat([summary(encoder, [row]) for row in ROWS])
    torch.testing.assert_close(summary(other, ROWS), alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(summary(other, ROWS[::-1]).flip(0), alone, atol=1e-5, rtol=0)


def test_the_text_is_cut_and_never_the_aspect(encoder: TransformerText) -> None:
    aspect = "a day at home in the garden"
    long = Sample(id="", text="garden " * LONGEST, aspect=aspect)
    found = words(encoder, encoder.prepare([long])["input_ids"][0].tolist())
    kept = encoder.tokenizer.tokenize(aspect)
    assert found == ["[CLS]", *kept, "[SEP]", *["garden"] * (LONGEST - 3 - len(kept)), "[SEP]"]
    assert encoder.is_cut(long)
    assert not encoder.is_cut(ROWS[0])


def test_an_aspect_that_leaves_no_room_is_refused_by_row(encoder: TransformerText) -> None:
    room = LONGEST - 3
    full, fits = (
        Sample(id="7", text="garden", aspect="garden " * count, origin="posts.csv, row 7") for count in (room, room - 1)
    )
    assert words(encoder, encoder.prepare([fits])["input_ids"][0].tolist())[-3:] == ["[SEP]", "garden", "[SEP]"]
    with pytest.raises(DataError, match=rf"posts\.csv, row 7, aspect: it takes {LONGEST} of {LONGEST} tokens"):
        encoder.prepare([full])


def test_a_row_without_an_aspect_is_refused_and_one_without_a_text_is_blank(encoder: TransformerText) -> None:
    with pytest.raises(DataError, match="the row with id 'x', aspect: the model reads an aspect with each text"):
        encoder.prepare([ROWS[0], Sample(id="x", text="sun")])
    fields = encoder.prepare([Sample(id="x", aspect="garden " * LONGEST), ROWS[0]])
    assert fields["key"][0] == 0
    assert torch.isfinite(encoder.encode(fields)[2]).all()


def test_an_encoder_of_texts_alone_passes_aspects_over(tiny_text: str) -> None:
    plain = TransformerText(tiny_text).eval()
    fields = plain.prepare(ROWS[:2])
    assert set(fields) == {"input_ids", "attention_mask"}
    assert fields["input_ids"][0].tolist() == fields["input_ids"][1].tolist()


def pairing_metaspace(folder: Path) -> str:
    """The byte-pair tokenizer, which also puts a token between the two texts of a pair."""
    home = write_metaspace(folder)
    tokenizer = AutoTokenizer.from_pretrained(home)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    tokenizer.save_pretrained(home)
    return home


@pytest.mark.parametrize("kind", ["wordpiece", "metaspace"])
def test_spans_are_those_of_the_text(tiny_text: str, tmp_path: Path, kind: str) -> None:
    encoder = TransformerText(tiny_text if kind == "wordpiece" else pairing_metaspace(tmp_path), aspect=True)
    ids, spans = encoder.prepare(ROWS)["input_ids"], encoder.spans(ROWS)
    for row, tokens, places in zip(ROWS, ids.tolist(), spans, strict=True):
        assert len(tokens) == len(places)
        text, aspect = row.text or "", row.aspect or ""
        first = next((at for at, place in enumerate(places) if place != (0, 0)), len(places))
        assert first >= min(len(places), len(encoder.tokenizer.tokenize(aspect)))
        covered = "".join(text[start:end] for start, end in places)
        assert covered.replace(" ", "") == text.replace(" ", "")


def test_an_aspect_is_counted_once_however_often_it_is_read(tiny_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = TransformerText(tiny_text, max_length=LONGEST, aspect=True)
    asked: list[str] = []

    class Counted:
        def __call__(self, aspect: str, **choices: object) -> object:
            asked.append(aspect)
            return encoder.tokenizer(aspect, **choices)

    monkeypatch.setattr(encoder._reader._lengths, "tokenizer", Counted())
    for _ in range(3):
        assert [encoder.aspect_fault(row) for row in ROWS] == [None] * len(ROWS)
    assert sorted(asked) == sorted({row.aspect for row in ROWS if row.text is not None})
    monkeypatch.setattr("polysense.encoders.aspects.MOST_LENGTHS", 2)
    for name in "abc":
        encoder.aspect_fault(Sample(id="", text="x", aspect=name))
    assert list(encoder._reader._lengths._known) == ["c"]


def test_the_switch_is_part_of_the_fingerprint(tiny_text: str, encoder: TransformerText) -> None:
    plain = TransformerText(tiny_text, max_length=LONGEST, piece_rows=2)
    assert plain.preprocessing() != encoder.preprocessing()
    assert plain.fingerprint() != encoder.fingerprint()


def test_a_network_without_segments_is_given_none(tiny_text: str, tmp_path: Path) -> None:
    tokenizer = TransformerText(tiny_text).tokenizer
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = RobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=40, pad_token_id=0, type_vocab_size=1, **sizes)
    RobertaModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = TransformerText(str(tmp_path), aspect=True).eval()
    assert "token_type_ids" not in encoder.prepare(ROWS)
    vectors = summary(encoder, ROWS[:2])
    assert not torch.allclose(vectors[0], vectors[1], atol=1e-4)


def test_a_tokenizer_that_parts_nothing_is_refused(tiny_text: str, tmp_path: Path) -> None:
    made = TransformerText(tiny_text)
    rules = made.tokenizer.backend_tokenizer
    rules.post_processor = None
    PreTrainedTokenizerFast(tokenizer_object=rules, model_max_length=64, pad_token="[PAD]").save_pretrained(tmp_path)
    made.backbone.save_pretrained(tmp_path)
    with pytest.raises(RecipeError, match="no token that parts the two of a pair"):
        TransformerText(str(tmp_path), aspect=True)


def test_gradients_and_recomputed_pieces(tiny_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TransformerText, "_packs", lambda *_: False)  # else pieces draw their dropout in another order
    gradients = []
    for recompute in (False, True):
        encoder = TransformerText(tiny_text, aspect=True, piece_rows=2, tokens="pooled", recompute=recompute).train()
        torch.manual_seed(1)
        encoder.encode(encoder.prepare(ROWS))[2].square().sum().backward()
        gradients.append(encoder.backbone.embeddings.token_type_embeddings.weight.grad)
    assert gradients[0].abs().sum(dim=1).min() > 0
    assert torch.equal(*gradients)
