"""Texts of different lengths without padding: what the network gives is what it gives for padded ones, and no more is computed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModel

from polysense.encoders import packing as packing_module
from polysense.encoders import transformer_text
from polysense.encoders.packing import Packing, first_position, run_packed
from polysense.encoders.quick_dropout import QuickDropout
from polysense.encoders.transformer_text import TransformerText
from polysense.types import Sample

TEXTS = ["sun", "a lovely day and the sun", "", "a day", "the sun is warm and the sea is wide", "sun sun"]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
KINDS: dict[str, tuple[dict[str, Any], int | None]] = {
    "bert": (SIZES, 0),
    "electra": (SIZES | {"embedding_size": 8}, 0),
    "distilbert": ({"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 16}, 0),
    "roberta": (SIZES, 1),
    "xlm-roberta": (SIZES, 1),
    "mpnet": (SIZES, None),
    "deberta-v2": (SIZES, None),
    "modernbert": (SIZES | {"local_attention": 8, "cls_token_id": 2, "sep_token_id": 3}, None),
}
"""Each kind's sizes, and the position of a first token where its texts can be packed."""


def encoder_of(kind: str, folder: Path, tiny_text: str, **choices: Any) -> TransformerText:
    """A small one of random weights, with our tokenizer, in evaluation mode."""
    shutil.copytree(tiny_text, folder)
    (folder / "model.safetensors").unlink()
    words = len(TransformerText(tiny_text).tokenizer)
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, vocab_size=words, max_position_embeddings=70, pad_token_id=0, **KINDS[kind][0])
    AutoModel.from_config(config).save_pretrained(folder)
    return TransformerText(str(folder), **choices).eval()


def rows(texts: list[str]) -> list[Sample]:
    return [Sample(id=str(number), text=text) for number, text in enumerate(texts)]


def fields_of(encoder: TransformerText, texts: list[str] = TEXTS) -> dict[str, Any]:
    return {**encoder.prepare(rows(texts)), "present": torch.ones(len(texts), dtype=torch.bool)}


def test_tokens_stand_the_shortest_text_first() -> None:
    mask = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 0], [1, 0, 0]])
    packing = Packing(mask)
    tokens = torch.tensor([[11, 12, 13], [21, 0, 0], [0, 0, 0], [41, 0, 0]])
    assert packing.pack(tokens).tolist() == [[21, 41, 11, 12, 13]]
    assert packing.places.tolist() == [0, 0, 0, 1, 2]
    assert packing.groups == [(2, 1), (1, 3)]
    assert torch.equal(packing.unpack(packing.pack(tokens).unsqueeze(-1)).squeeze(-1), tokens)


@pytest.mark.parametrize("kind", KINDS)
def test_which_networks_are_packed(kind: str, tmp_path: Path, tiny_text: str) -> None:
    encoder = encoder_of(kind, tmp_path / kind, tiny_text)
    implementation = encoder.backbone.config._attn_implementation
    encoder.backbone.train()
    assert first_position(encoder.backbone) == KINDS[kind][1]
    assert encoder.backbone.training
    assert encoder.backbone.config._attn_implementation == implementation
    assert first_position(encoder.backbone.bfloat16()) is None, "its rounding hides what differs"


@pytest.mark.parametrize("pooling", ["mean", "cls_before_pooler", "avg_top2", "avg_first_last", "avg_embeddings_last"])
@pytest.mark.parametrize("kind", KINDS)
def test_packed_texts_have_the_states_and_gradients_of_padded_ones(
    kind: str, pooling: str, tmp_path: Path, tiny_text: str
) -> None:
    found = []
    for number, piece_rows in enumerate((0, 2)):
        encoder = encoder_of(kind, tmp_path / f"{kind}{number}", tiny_text, pooling=pooling, piece_rows=piece_rows)
        fields = fields_of(encoder)
        assert len(set(fields["attention_mask"].sum(dim=1).tolist())) > 2
        given = encoder(fields)
        (given.summary.square().sum() + given.states[given.mask].sin().sum()).backward()
        gradients = {name: one.grad for name, one in encoder.named_parameters() if one.grad is not None}
        found.append((given, gradients))
    (expected, known), (given, gradients) = found
    assert torch.equal(given.mask, expected.mask)
    torch.testing.assert_close(given.states[given.mask], expected.states[expected.mask], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(given.summary, expected.summary, atol=1e-5, rtol=1e-5)
    assert gradients.keys() == known.keys()
    for name, one in gradients.items():
        torch.testing.assert_close(one, known[name], atol=1e-4, rtol=1e-4, msg=name)


def test_pairs_keep_their_segments(tiny_text: str) -> None:
    samples = [Sample(id=str(number), text=text, aspect="the sea") for number, text in enumerate(TEXTS)]
    summaries = []
    for piece_rows in (0, 2):
        encoder = TransformerText(tiny_text, aspect=True, piece_rows=piece_rows).eval()
        assert encoder.segments
        summaries.append(encoder.encode(encoder.prepare(samples))[2])
    torch.testing.assert_close(summaries[1], summaries[0], atol=1e-5, rtol=1e-5)


def test_layers_see_real_tokens_alone(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text).eval()
    fields = fields_of(encoder)
    seen: list[tuple[int, ...]] = []
    for layer in encoder.backbone.encoder.layer:
        layer.register_forward_hook(lambda _module, given, _found: seen.append(tuple(given[0].shape[:2])))
    encoder._first_position  # noqa: B018 (found out on a small batch of its own)
    seen.clear()
    encoder(fields)
    assert seen == [(1, int(fields["attention_mask"].sum()))] * len(encoder.backbone.encoder.layer)
    seen.clear()
    encoder(fields_of(encoder, ["sun", "sun"]))
    assert {shape[0] for shape in seen} == {2}, "texts of one length are a batch as they are"


def test_recomputed_pieces_are_packed_too(tiny_text: str) -> None:
    gradients = []
    for choices in ({"piece_rows": 0}, {"piece_rows": 4, "recompute": True, "tokens": "pooled"}):
        encoder = TransformerText(tiny_text, **choices).eval()  # type: ignore[arg-type]
        encoder(fields_of(encoder)).summary.square().sum().backward()
        gradients.append(encoder.backbone.embeddings.word_embeddings.weight.grad)
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-5, rtol=1e-4)


def test_dropout_drops_attention_too(tiny_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = TransformerText(tiny_text).train()
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    fields = fields_of(encoder)
    still = encoder(fields).summary
    assert torch.equal(encoder(fields).summary, still)
    for layer in encoder.backbone.encoder.layer:
        layer.attention.self.dropout.p = 0.5
    assert not torch.allclose(encoder(fields).summary, still, atol=1e-3)
    torch.testing.assert_close(encoder.eval()(fields).summary, still)


def test_recomputed_pieces_drop_what_they_dropped_before(tiny_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = []
    for kept in (False, True):
        if kept:
            monkeypatch.setattr(transformer_text, "checkpoint", lambda piece, *tokens, **_: piece(*tokens))
        encoder = TransformerText(tiny_text, recompute=True, piece_rows=4).train()
        fields = fields_of(encoder)
        encoder._first_position  # noqa: B018 (found out on a small batch of its own)
        torch.manual_seed(3)
        encoder(fields).summary.square().sum().backward()
        gradients.append(encoder.backbone.embeddings.word_embeddings.weight.grad)
    assert torch.equal(gradients[1], gradients[0])


def test_every_dropout_of_an_encoder_is_the_quick_one(tiny_text: str) -> None:
    kinds = {type(one) for one in TransformerText(tiny_text).backbone.modules() if isinstance(one, nn.Dropout)}
    assert kinds == {QuickDropout}


def test_dropped_attention_is_that_of_an_explicit_computation(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    groups, heads, width, rate = [(2, 1), (1, 3), (2, 4)], 2, 5, 0.4
    count = sum(texts * length for texts, length in groups)
    query, key, value = torch.randn(3, 1, heads, count, width)
    drawn = torch.bernoulli(torch.full((sum(texts * heads * length**2 for texts, length in groups),), 1 - rate)) / (1 - rate)
    monkeypatch.setattr(packing_module, "factors", lambda count, share, dtype: {(len(drawn), rate): drawn}[count, share])
    found, _ = packing_module.attend(
        nn.Module().train(), query, key, value, None, packed_texts=groups, dropout=rate, scaling=0.3
    )
    begin = used = 0
    for texts, length in groups:
        for _text in range(texts):
            rows = slice(begin, begin + length)
            for head in range(heads):
                scores = query[0, head, rows] @ key[0, head, rows].T * 0.3
                weights = scores.softmax(dim=-1) * drawn[used : used + length**2].view(length, length)
                torch.testing.assert_close(found[0, rows, head], weights @ value[0, head, rows], atol=1e-5, rtol=1e-5)
                used += length**2
            begin += length
    assert (begin, used) == (count, len(drawn))


def test_a_failure_leaves_the_network_as_it_was(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text).eval()
    fields = fields_of(encoder)
    usual = encoder.backbone.config._attn_implementation
    with pytest.raises((IndexError, RuntimeError)):
        run_packed(encoder.backbone, Packing(fields["attention_mask"]), first=10_000, tokens={"input_ids": fields["input_ids"]})
    assert encoder.backbone.config._attn_implementation == usual
