from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    BartConfig,
    BartModel,
    BertModel,
    ByT5Tokenizer,
    CLIPConfig,
    CLIPModel,
    GPT2Config,
    GPT2Model,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5Model,
)

from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.types import Fields, Sample

TEXTS = [
    "a lovely garden in the sun",
    "rain",
    "",
    "we walked home in the rain and I did not love it at all, not even the garden",
    "good morning",
    "bad luck on the last day of the year",
]


def samples(texts: list[str | None]) -> list[Sample]:
    return [Sample(id=str(number), text=text) for number, text in enumerate(texts)]


def fields_of(encoder: TransformerText, texts: list[str | None]) -> Fields:
    fields = encoder.prepare(samples(texts))
    return {**fields, "present": torch.tensor([text is not None for text in texts])}


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a graphics card: texts of different lengths are run in pieces."""
    monkeypatch.setattr(TransformerText, "_packs", lambda *_: False)


@pytest.mark.usefixtures("unpacked")
@pytest.mark.parametrize("pooling", ["mean", "cls_before_pooler"])
@pytest.mark.parametrize("piece_rows", [1, 2, 4, 5])
def test_pieces_equal_the_single_pass(tiny_text: str, pooling: str, piece_rows: int) -> None:
    whole = TransformerText(tiny_text, piece_rows=0, pooling=pooling).eval()
    pieces = TransformerText(tiny_text, piece_rows=piece_rows, pooling=pooling).eval()
    fields = fields_of(whole, TEXTS)
    expected, found = whole(fields), pieces(fields)
    assert torch.equal(found.mask, expected.mask)
    torch.testing.assert_close(found.states[found.mask], expected.states[expected.mask], atol=1e-5, rtol=0)
    torch.testing.assert_close(found.summary, expected.summary, atol=1e-5, rtol=0)


@pytest.mark.usefixtures("unpacked")
def test_pieces_give_the_gradient_of_the_single_pass(tiny_text: str) -> None:
    gradients = []
    for piece_rows in (0, 2):
        encoder = TransformerText(tiny_text, piece_rows=piece_rows).eval()
        (encoder(fields_of(encoder, TEXTS)).summary ** 2).sum().backward()
        gradients.append(encoder.backbone.embeddings.word_embeddings.weight.grad)
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-5, rtol=1e-4)


@pytest.mark.usefixtures("unpacked")
@pytest.mark.parametrize("kind", ["bert", "roberta", "mpnet", "distilbert", "electra"])
def test_words_are_looked_up_once_a_batch_and_mean_the_same(
    tiny_text: str, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces in training get embedded words, a single pass the tokens: equal vectors, equal gradients."""
    shutil.copytree(tiny_text, tmp_path / kind)
    (tmp_path / kind / "model.safetensors").unlink()
    vocabulary = len(TransformerText(tiny_text).tokenizer)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "embedding_size": 16}
    if kind != "electra":
        del sizes["embedding_size"]
    if kind == "distilbert":
        sizes = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16}
    config = AutoConfig.for_model(kind, vocab_size=vocabulary, max_position_embeddings=70, pad_token_id=0, **sizes)
    AutoModel.from_config(config).save_pretrained(tmp_path / kind)
    found = []
    for piece_rows in (0, 2):
        encoder = TransformerText(str(tmp_path / kind), piece_rows=piece_rows).eval()
        looks = []
        monkeypatch.setattr(encoder.backbone.get_input_embeddings(), "forward", _noting(encoder, looks))
        summary = encoder(fields_of(encoder, TEXTS)).summary
        (summary**2).sum().backward()
        assert len(looks) == 1
        found.append((summary.detach(), encoder.backbone.get_input_embeddings().weight.grad))
    torch.testing.assert_close(found[1], found[0], atol=1e-5, rtol=1e-4)


def _noting(encoder: TransformerText, looks: list[int]) -> Any:
    module = encoder.backbone.get_input_embeddings()
    forward = module.forward

    def noted(ids: Tensor) -> Tensor:
        looks.append(len(ids))
        return forward(ids)

    return noted


@pytest.mark.usefixtures("unpacked")
def test_pieces_do_not_run_over_the_padding_of_others(tiny_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = TransformerText(tiny_text, piece_rows=2).eval()
    shapes = []
    states = encoder._states

    def noted(ids, mask):
        shapes.append(tuple(ids.shape[:2]))
        return states(ids, mask)

    monkeypatch.setattr(encoder, "_states", noted)
    fields = fields_of(encoder, TEXTS)
    encoder(fields)
    lengths = sorted(fields["attention_mask"].sum(dim=1).tolist())
    assert shapes == [(2, lengths[1]), (2, lengths[3]), (2, lengths[5])]


@pytest.mark.parametrize("pooling", ["mean", "cls_before_pooler"])
def test_a_row_alone_is_the_row_in_a_batch(tiny_text: str, pooling: str) -> None:
    encoder = TransformerText(tiny_text, pooling=pooling).eval()
    together = encoder(fields_of(encoder, TEXTS))
    for number, text in enumerate(TEXTS):
        alone = encoder(fields_of(encoder, [text]))
        time = alone.states.shape[1]
        torch.testing.assert_close(alone.summary[0], together.summary[number], atol=1e-5, rtol=0)
        torch.testing.assert_close(alone.states[0], together.states[number, :time], atol=1e-5, rtol=0)
        assert not together.mask[number, time:].any()


def test_mean_pooling_is_the_mean_of_the_real_tokens_and_cls_the_first_state(tiny_text: str) -> None:
    mean = TransformerText(tiny_text).eval()
    fields = fields_of(mean, TEXTS)
    encoded = mean(fields)
    for number, length in enumerate(fields["attention_mask"].sum(dim=1).tolist()):
        torch.testing.assert_close(encoded.summary[number], encoded.states[number, :length].mean(dim=0))
    first = TransformerText(tiny_text, pooling="cls_before_pooler").eval()(fields)
    assert torch.equal(first.summary, first.states[:, 0])


def test_texts_are_cut_at_the_longest_length(tiny_text: str) -> None:
    assert TransformerText(tiny_text, max_length=5).prepare(samples(TEXTS))["input_ids"].shape == (len(TEXTS), 5)
    longest = TransformerText(tiny_text, max_length=4096).prepare(samples(["sun " * 500]))
    assert longest["input_ids"].shape == (1, 64)  # what the model was made for


def test_a_missing_text_gets_a_blank_row_and_is_not_present(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text).eval()
    encoded = encoder(fields_of(encoder, ["sun", None]))
    assert encoded.present.tolist() == [True, False]
    assert encoded.mask[1].any()
    assert torch.isfinite(encoded.summary).all()


def test_a_frozen_encoder_stays_in_evaluation_mode_and_gets_no_gradient(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text, trainable=False).train()
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not encoder(fields_of(encoder, TEXTS)).summary.requires_grad


def test_a_trainable_encoder_trains_and_gets_gradients(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text).train()
    assert encoder.backbone.training
    encoder(fields_of(encoder, TEXTS)).summary.sum().backward()
    gradient = encoder.backbone.embeddings.word_embeddings.weight.grad
    assert gradient is not None
    assert float(gradient.abs().sum()) > 0
    encoder.eval()
    assert not encoder.backbone.training


def test_it_is_rebuilt_from_its_assets_and_its_weights(tiny_text: str, tmp_path: Path) -> None:
    encoder = TransformerText(tiny_text, trainable=False)
    fields = fields_of(encoder, TEXTS)
    encoder.save_assets(tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
    rebuilt = TransformerText(str(tmp_path), weights="random", trainable=False)
    assert not torch.equal(rebuilt(fields).summary, encoder(fields).summary)
    rebuilt.load_state_dict(encoder.state_dict())
    assert torch.equal(rebuilt(fields_of(rebuilt, TEXTS)).summary, encoder(fields).summary)
    assert rebuilt.fingerprint() == encoder.fingerprint()


def test_the_fingerprint_does_not_depend_on_what_was_encoded_before(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text)
    before = encoder.fingerprint()
    encoder.prepare(samples(TEXTS))
    assert encoder.fingerprint() == before
    assert TransformerText(tiny_text).fingerprint() == before


def test_the_fingerprint_changes_with_weights_length_and_pooling(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text)
    found = {encoder.fingerprint()}
    found.add(TransformerText(tiny_text, max_length=12).fingerprint())
    found.add(TransformerText(tiny_text, pooling="cls").fingerprint())
    with torch.no_grad():
        encoder.backbone.embeddings.word_embeddings.weight[3, 2] += 1e-3
    found.add(encoder.fingerprint())
    assert len(found) == 4


@pytest.mark.parametrize("name", ["nobody/has-this", "minlm", "efficientnet-lite0"])
def test_what_cannot_be_loaded_is_a_recipe_error_that_says_what_can(name: str) -> None:
    with pytest.raises(
        RecipeError,
        match=rf"text encoder '{name}' cannot be loaded: .*valid: 'minilm'[)].*another folder",
    ):
        TransformerText(name)


def test_a_folder_of_another_kind_is_a_recipe_error(tiny_vision: str) -> None:
    with pytest.raises(RecipeError, match="cannot be loaded"):
        TransformerText(tiny_vision)


def test_texts_are_cut_at_the_positions_the_model_has(tmp_path: Path, tiny_text: str) -> None:
    folder = tmp_path / "roberta"
    shutil.copytree(tiny_text, folder)
    (folder / "model.safetensors").unlink()
    vocabulary = len(TransformerText(tiny_text).tokenizer)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    RobertaConfig(vocab_size=vocabulary, max_position_embeddings=20, pad_token_id=0, **sizes).save_pretrained(folder)
    encoder = TransformerText(str(folder), weights="random")
    assert encoder.max_length == 19
    assert fields_of(encoder, ["a day " * 50])["input_ids"].shape == (1, 19)
    encoder(fields_of(encoder, ["a day " * 50]))


LAYERS = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
TOWER = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
MODELS = {
    "t5": lambda words: T5Model(T5Config(vocab_size=words, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)),
    "bart": lambda words: BartModel(BartConfig(vocab_size=words, d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, **LAYERS)),
    "clip": lambda words: CLIPModel(
        CLIPConfig(
            text_config={"vocab_size": words, **TOWER},
            vision_config={**TOWER, "hidden_size": 24, "image_size": 32, "patch_size": 16},
        )
    ),
    "gpt2": lambda words: GPT2Model(GPT2Config(vocab_size=words, n_embd=16, n_layer=1, n_head=2)),
}


def saved(model: PreTrainedModel, tokenizer: object, folder: Path) -> str:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("kind", MODELS)
def test_models_with_a_decoder_or_several_towers_are_read_by_what_reads_text(tiny_text: str, tmp_path: Path, kind: str) -> None:
    tokenizer = TransformerText(tiny_text).tokenizer
    folder = saved(MODELS[kind](len(tokenizer)), tokenizer, tmp_path / "model")
    encoder = TransformerText(folder).eval()
    encoded = encoder(fields_of(encoder, TEXTS))
    assert encoder.width == encoded.summary.shape[1] == 16
    assert torch.isfinite(encoded.summary).all()
    assert not any("decoder" in name or "vision" in name for name in encoder.state_dict())
    assert set(TransformerText(folder, weights="random").state_dict()) == set(encoder.state_dict())
    encoder.save_assets(tmp_path / "assets")
    rebuilt = TransformerText(str(tmp_path / "assets"), weights="random").eval()
    rebuilt.load_state_dict(encoder.state_dict())
    assert torch.equal(rebuilt(fields_of(rebuilt, TEXTS)).summary, encoded.summary)
    assert rebuilt.fingerprint() == encoder.fingerprint()


def bare(tiny_text: str, folder: Path, **special: str) -> str:
    """The tiny BERT behind a tokenizer that adds no special tokens and has none but those named."""
    rules = TransformerText(tiny_text).tokenizer.backend_tokenizer
    rules.post_processor = None
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=rules, model_max_length=64, **special)
    return saved(BertModel.from_pretrained(tiny_text), tokenizer, folder)


@pytest.mark.parametrize("special", [{"eos_token": "[SEP]"}, {"unk_token": "[UNK]"}])
def test_a_tokenizer_without_padding_pads_with_another_token(tiny_text: str, tmp_path: Path, special: dict[str, str]) -> None:
    encoder = TransformerText(bare(tiny_text, tmp_path, **special)).eval()
    assert encoder.tokenizer.pad_token in special.values()
    together = encoder(fields_of(encoder, ["rain", "a lovely garden in the sun"]))
    torch.testing.assert_close(together.summary[:1], encoder(fields_of(encoder, ["rain"])).summary, atol=1e-5, rtol=0)


def test_a_tokenizer_without_any_token_for_padding_is_refused(tiny_text: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="its tokenizer has no token to pad with"):
        TransformerText(bare(tiny_text, tmp_path))


@pytest.mark.parametrize("texts", [["", None], ["", "rain in the garden", None]])
@pytest.mark.parametrize("piece_rows", [0, 1])
def test_texts_without_any_token_are_blank_and_finite(
    tiny_text: str, tmp_path: Path, texts: list[str | None], piece_rows: int
) -> None:
    encoder = TransformerText(bare(tiny_text, tmp_path, pad_token="[PAD]"), piece_rows=piece_rows).eval()
    fields = fields_of(encoder, texts)
    encoded = encoder(fields)
    assert fields["input_ids"].dtype == torch.int64
    lengths = fields["attention_mask"].sum(dim=1).tolist()
    assert all((length == 1) == (not text) for length, text in zip(lengths, texts, strict=True))
    assert torch.isfinite(encoded.states).all()
    assert torch.isfinite(encoded.summary).all()
    torch.testing.assert_close(encoded.summary[0], encoded.summary[-1], atol=1e-5, rtol=0)


def test_a_tokenizer_written_in_python_has_a_fingerprint(tmp_path: Path) -> None:
    folder = saved(MODELS["t5"](384), ByT5Tokenizer(), tmp_path / "model")
    encoder = TransformerText(folder)
    encoder.save_assets(tmp_path / "assets")
    rebuilt = TransformerText(str(tmp_path / "assets"), weights="random")
    rebuilt.load_state_dict(encoder.state_dict())
    assert rebuilt.fingerprint() == encoder.fingerprint()
    more = saved(MODELS["t5"](384), ByT5Tokenizer(extra_ids=100), tmp_path / "more")
    assert TransformerText(more).preprocessing() != encoder.preprocessing()


def test_the_poolings_are_those_of_the_field(tiny_text: str) -> None:
    plain = TransformerText(tiny_text).eval()
    fields = fields_of(plain, TEXTS)
    with torch.no_grad():
        layers = plain.backbone(
            input_ids=fields["input_ids"], attention_mask=fields["attention_mask"], output_hidden_states=True
        ).hidden_states
    weights = fields["attention_mask"].float()

    def mean(layer: int) -> torch.Tensor:
        rows = [
            sum((layers[layer][row, at] for at in range(int(count))), torch.zeros(32)) / count
            for row, count in enumerate(weights.sum(dim=1))
        ]
        return torch.stack(rows)

    expected = {
        "mean": mean(-1),
        "avg": mean(-1),
        "avg_top2": (mean(-1) + mean(-2)) / 2,
        "avg_first_last": (mean(1) + mean(-1)) / 2,
        "avg_embeddings_last": (mean(0) + mean(-1)) / 2,
        "cls_before_pooler": layers[-1][:, 0],
    }
    for pooling, summary in expected.items():
        found = TransformerText(tiny_text, pooling=pooling).eval()(fields)
        torch.testing.assert_close(found.summary, summary, atol=1e-5, rtol=0)
    headed = TransformerText(tiny_text, pooling="cls").eval()
    torch.testing.assert_close(headed(fields).summary, torch.tanh(headed.head(layers[-1][:, 0])), atol=1e-5, rtol=0)


def test_pooled_tokens_give_the_same_summary_as_the_one_state(tiny_text: str) -> None:
    whole = TransformerText(tiny_text, piece_rows=2).eval()
    fields = fields_of(whole, TEXTS)
    pooled = TransformerText(tiny_text, piece_rows=2, tokens="pooled").eval()(fields)
    torch.testing.assert_close(pooled.summary, whole(fields).summary)
    assert torch.equal(pooled.states, pooled.summary.unsqueeze(1))
    assert pooled.mask.shape == (len(TEXTS), 1)


@pytest.mark.usefixtures("unpacked")
@pytest.mark.parametrize("tokens", ["all", "pooled"])
def test_recomputed_pieces_give_the_gradients_of_kept_ones_with_dropout(tiny_text: str, tokens: str) -> None:
    gradients = []
    for recompute in (False, True):
        encoder = TransformerText(tiny_text, piece_rows=2, tokens=tokens, recompute=recompute).train()
        torch.manual_seed(3)
        (encoder(fields_of(encoder, TEXTS)).summary ** 2).sum().backward()
        gradients.append({name: one.grad for name, one in encoder.named_parameters() if one.grad is not None})
    kept, recomputed = gradients
    assert kept.keys() == recomputed.keys()
    assert "backbone.embeddings.word_embeddings.weight" in kept
    for name, gradient in kept.items():
        if "word_embeddings" in name:  # summed piece by piece, in the place of once a batch
            torch.testing.assert_close(recomputed[name], gradient, rtol=1e-5, atol=1e-6)
        else:
            assert torch.equal(recomputed[name], gradient), name


def test_a_shape_of_ones_own_starts_at_random(tiny_text: str, tmp_path: Path) -> None:
    small = TransformerText(tiny_text, weights="random", shape={"num_hidden_layers": 1, "hidden_size": 16})
    assert small.width == 16
    assert len(small.backbone.encoder.layer) == 1
    small.save_assets(tmp_path)
    assert TransformerText(str(tmp_path), weights="random").width == 16
    with pytest.raises(RecipeError, match=r"shape: BertConfig has no entry 'hidden_sizes'.*hidden_size"):
        TransformerText(tiny_text, weights="random", shape={"hidden_sizes": 16})
    with pytest.raises(RecipeError, match="weights: random"):
        TransformerText(tiny_text, shape={"hidden_size": 16})


def test_a_rate_of_dropout_of_ones_own_is_kept_with_the_model(tiny_text: str, tmp_path: Path) -> None:
    encoder = TransformerText(tiny_text, dropout=0.25)
    rates = {module.p for module in encoder.backbone.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.25}
    assert torch.equal(encoder.embeddings, TransformerText(tiny_text).embeddings)
    encoder.save_assets(tmp_path)
    again = TransformerText(str(tmp_path), weights="random")
    assert again.backbone.config.hidden_dropout_prob == again.backbone.config.attention_probs_dropout_prob == 0.25
    with pytest.raises(RecipeError, match=r"dropout: from 0 to below 1, found 1\.0"):
        TransformerText(tiny_text, dropout=1.0)


def test_training_may_read_less_than_use_does(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text, max_length=12, train_max_length=5)
    long = samples(["the sun is warm and the sea is wide and blue"])
    assert encoder.train().prepare(long)["input_ids"].shape == (1, 5)
    assert [len(row) for row in encoder.spans(long)] == [5]
    assert encoder.eval().prepare(long)["input_ids"].shape == (1, 12)
    assert TransformerText(tiny_text, max_length=12).train().prepare(long)["input_ids"].shape == (1, 12)


def test_roberta_counts_its_positions_from_behind_the_padding(tmp_path: Path, tiny_text: str) -> None:
    """Against the network called by hand, on texts of different lengths: positions begin where the folder says, not at 0."""
    folder = tmp_path / "roberta"
    shutil.copytree(tiny_text, folder)
    (folder / "model.safetensors").unlink()
    vocabulary = len(TransformerText(tiny_text).tokenizer)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = RobertaConfig(vocab_size=vocabulary, max_position_embeddings=20, pad_token_id=0, **sizes)
    RobertaModel(config).save_pretrained(folder)
    encoder = TransformerText(str(folder), piece_rows=1).eval()
    texts = ["a day", "a lovely day and the sun", "sun"]
    with torch.no_grad():
        found = encoder(fields_of(encoder, texts)).states
        for row, text in enumerate(texts):
            ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
            places = torch.arange(1, ids.shape[1] + 1).unsqueeze(0)  # behind the padding token, whose number is 0
            expected = encoder.backbone(input_ids=ids, position_ids=places).last_hidden_state[0]
            torch.testing.assert_close(found[row, : ids.shape[1]], expected)
            others = encoder.backbone(input_ids=ids, position_ids=places - 1).last_hidden_state[0]
            assert not torch.allclose(others, expected, atol=1e-3)
