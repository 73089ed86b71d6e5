from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from foreign_models import TEXTS, by_transformers, head, mean, plain, trained
from polysense.errors import DataError, PolysenseError, RecipeError
from polysense.inference.exporting.export import export
from polysense.inference.exporting.to_sentence_transformers import write_sentence_transformers
from polysense.inference.foreign.loading import load_foreign
from polysense.inference.predictor import Predictor, load

pytestmark = pytest.mark.filterwarnings("ignore:.*and were cut:UserWarning")  # one of the texts is, on purpose

POOLINGS = ["mean", "cls_before_pooler", "cls", "avg_top2", "avg_first_last", "avg_embeddings_last"]


def read(source: str | Path, **choices: Any) -> Predictor:
    found = load_foreign(source, **choices)
    assert found is not None
    return Predictor(*found)


@pytest.fixture
def saved(tiny_text: str, tmp_path: Path) -> Any:
    """``saved(pooling)``: a saved model of three layers, so that no two poolings are the same, and with a head of its own."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    def make(pooling: str) -> Predictor:
        folder = tmp_path / "deep"
        config = AutoConfig.from_pretrained(tiny_text, num_hidden_layers=3)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            AutoModel.from_config(config).save_pretrained(folder)
        AutoTokenizer.from_pretrained(tiny_text).save_pretrained(folder)
        model = read(folder, pooling=pooling)
        text: Any = model.learner.model.encoder("text")
        if text.head is not None:
            text.head.load_state_dict(head())
        model.save_pretrained(tmp_path / "saved")
        return Predictor.from_pretrained(tmp_path / "saved")

    return make


def cosines(found: Any, expected: Any) -> np.ndarray:
    return np.sum(found * expected, axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)


# --- sentence-transformers ---


@pytest.mark.parametrize("pooling", POOLINGS)
def test_sentence_transformers_gives_the_same_vectors(saved: Any, tmp_path: Path, pooling: str) -> None:
    library = pytest.importorskip("sentence_transformers")
    expected = saved(pooling).encode(TEXTS)
    assert export(tmp_path / "saved", tmp_path / "out", to="sentence-transformers") == pooling
    theirs = library.SentenceTransformer(str(tmp_path / "out"), device="cpu")
    found = theirs.encode(TEXTS)
    assert cosines(found, expected).min() >= 0.9999
    assert found == pytest.approx(expected, abs=2e-6)
    assert theirs.max_seq_length == 64
    assert theirs.similarity(found, found).diagonal().tolist() == pytest.approx([1.0] * len(TEXTS), abs=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_what_is_exported_for_it_comes_back(saved: Any, tmp_path: Path, pooling: str) -> None:
    expected = saved(pooling).encode(TEXTS)
    export(tmp_path / "saved", tmp_path / "out", to="sentence-transformers")
    again = read(tmp_path / "out")
    assert again.recipe.encoders["text"].arguments["pooling"] == pooling
    assert np.array_equal(again.encode(TEXTS), expected)


def test_what_it_saves_itself_is_read(tiny_text: str, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    transformer = library.base.modules.transformer.Transformer(tiny_text, max_seq_length=16)
    theirs = library.SentenceTransformer(
        modules=[transformer, modules.Pooling(32, pooling_mode="cls"), library.base.modules.dense.Dense(32, 32)], device="cpu"
    )
    theirs.save(str(tmp_path / "theirs"))
    ours = read(tmp_path / "theirs")
    assert ours.encode(TEXTS) == pytest.approx(theirs.encode(TEXTS), abs=2e-6)
    assert ours.recipe.encoders["text"].arguments["max_length"] == 16


def test_the_text_encoder_of_a_run_is_written(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    from polysense.inference.predictor import load

    export(trained_runs["both"], tmp_path / "out", to="sentence-transformers")
    found = library.SentenceTransformer(str(tmp_path / "out"), device="cpu").encode(TEXTS)
    assert found == pytest.approx(load(trained_runs["both"]).encode(TEXTS, part="text"), abs=2e-6)
    card = (tmp_path / "out/README.md").read_text("utf-8")
    assert "trained with the recipe `social/posts_concat_both`" in card
    assert "The model also reads image." in card
    assert card.startswith("---\nlibrary_name: sentence-transformers\n")


# --- transformers ---


def test_transformers_gets_backbone_and_tokenizer(saved: Any, tmp_path: Path) -> None:
    expected = saved("mean").encode(TEXTS)
    export(tmp_path / "saved", tmp_path / "out", to="transformers")
    output, mask = by_transformers(tmp_path / "out", TEXTS)
    assert mean(output.last_hidden_state, mask).numpy() == pytest.approx(expected, abs=2e-6)
    assert np.array_equal(read(tmp_path / "out").encode(TEXTS), expected)


def test_the_head_becomes_the_pooler(saved: Any, tmp_path: Path) -> None:
    expected = saved("cls").encode(TEXTS)
    export(tmp_path / "saved", tmp_path / "out", to="transformers")
    output, _ = by_transformers(tmp_path / "out", TEXTS)
    assert output.pooler_output.numpy() == pytest.approx(expected, abs=2e-6)
    assert np.array_equal(read(tmp_path / "out").encode(TEXTS), expected)


def test_a_pooler_that_is_not_there_cannot_hold_the_head(tmp_path: Path, tiny_text: str) -> None:
    from transformers import AutoTokenizer, DistilBertConfig, DistilBertModel

    tokenizer = AutoTokenizer.from_pretrained(tiny_text)
    config = DistilBertConfig(
        vocab_size=len(tokenizer), dim=32, n_layers=1, n_heads=2, hidden_dim=64, max_position_embeddings=64
    )
    DistilBertModel(config).save_pretrained(tmp_path / "distil")
    tokenizer.save_pretrained(tmp_path / "distil")
    read(tmp_path / "distil", pooling="cls_before_pooler").save_pretrained(tmp_path / "first")
    recipe = tmp_path / "first/recipe.yaml"
    recipe.write_text(recipe.read_text("utf-8").replace("cls_before_pooler", "cls"), "utf-8")
    with_head = Predictor(*_built(tmp_path / "first"))
    with_head.save_pretrained(tmp_path / "saved")
    with pytest.raises(RecipeError, match="DistilBertModel has no place for the dense layer"):
        export(tmp_path / "saved", tmp_path / "out", to="transformers")
    assert not (tmp_path / "out").exists()


def _built(folder: Path) -> Any:
    from polysense.recipe.recipe import read_saved

    recipe = read_saved(folder)
    return recipe, recipe.build(seed=0, assets=folder)


def test_a_part_of_a_larger_model_is_refused(tmp_path: Path, tiny_text: str) -> None:
    from transformers import AutoTokenizer, T5Config, T5Model

    tokenizer = AutoTokenizer.from_pretrained(tiny_text)
    config = T5Config(vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=2)
    T5Model(config).save_pretrained(tmp_path / "t5")
    tokenizer.save_pretrained(tmp_path / "t5")
    read(tmp_path / "t5", pooling="mean").save_pretrained(tmp_path / "saved")
    with pytest.raises(RecipeError, match="a T5Stack is a part of a larger model"):
        export(tmp_path / "saved", tmp_path / "out", to="sentence-transformers")


# --- polysense ---


@pytest.mark.parametrize("name", ["pooler.dense", "mlp.dense"])
def test_pickled_files_of_training_become_a_model(tiny_text: str, tmp_path: Path, name: str) -> None:
    folder = trained(tiny_text, tmp_path / "old", name, pickled=True)
    assert export(folder, tmp_path / "new", to="polysense", pooling="cls_before_pooler") == "cls_before_pooler"
    output, _ = by_transformers(tiny_text, TEXTS)
    found = Predictor.from_pretrained(tmp_path / "new").encode(TEXTS)
    assert found == pytest.approx(output.last_hidden_state[:, 0].numpy(), abs=2e-6)
    assert "written by polysense" in (tmp_path / "new/README.md").read_text("utf-8")
    assert not list((tmp_path / "new").rglob("*.bin"))


def test_plain_pickled_weights_become_a_model(tiny_text: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    folder = plain(tiny_text, tmp_path / "old")
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save({f"bert.{name}": tensor for name, tensor in state.items()}, folder / "pytorch_model.bin")
    export(folder, tmp_path / "new", to="polysense", pooling="mean")
    output, mask = by_transformers(tiny_text, TEXTS)
    found = Predictor.from_pretrained(tmp_path / "new").encode(TEXTS)
    assert found == pytest.approx(mean(output.last_hidden_state, mask).numpy(), abs=2e-6)


def test_heads_that_are_none_are_refused(tiny_text: str, tmp_path: Path) -> None:
    folder = trained(tiny_text, tmp_path / "old", "pooler.dense", pickled=True)
    torch.save({"grounding": {}}, folder / "mcse.pt")
    with pytest.raises(PolysenseError, match=r"mcse\.pt has no grounding/dense\.weight: these are not the heads of MCSE"):
        export(folder, tmp_path / "new", to="polysense")


@pytest.mark.parametrize("to", ["transformers", "sentence-transformers"])
def test_pickles_are_read_for_polysense_alone(tiny_text: str, tmp_path: Path, to: str) -> None:
    folder = trained(tiny_text, tmp_path / "old", "pooler.dense", pickled=True)
    with pytest.raises(RecipeError, match="a pickle can run code when it is opened"):
        export(folder, tmp_path / "new", to=to)


# --- the folder ---


def test_files_that_are_there_are_not_touched_without_a_word(tiny_text: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "README.md").write_text("mine", "utf-8")
    (out / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(RecipeError, match="out is not empty: choose another folder, or write over it with --overwrite"):
        export(tiny_text, out, to="transformers", pooling="mean")
    export(tiny_text, out, to="transformers", pooling="mean", overwrite=True)
    assert (out / "notes.txt").read_text("utf-8") == "mine"
    assert "A text encoder" in (out / "README.md").read_text("utf-8")
    assert (out / "model.safetensors").is_file()


def test_an_export_to_something_else_is_not_written_over(tiny_text: str, tmp_path: Path) -> None:
    """Its files would still say how the folder is read."""
    out = tmp_path / "out"
    for first, mark in (("sentence-transformers", r"modules\.json"), ("polysense", r"recipe\.yaml")):
        export(tiny_text, out, to=first, pooling="mean")
        with pytest.raises(RecipeError, match=rf"out holds an export to {first} \({mark}\), which would still be found"):
            export(tiny_text, out, to="transformers", pooling="mean", overwrite=True)
        export(tiny_text, out, to=first, pooling="cls_before_pooler", overwrite=True)
        assert load(out).learner.model.encoder("text").pooling == "cls_before_pooler"
        shutil.rmtree(out)


def test_a_model_is_not_written_over_itself(saved: Any, tmp_path: Path) -> None:
    saved("mean")
    before = (tmp_path / "saved/model.safetensors").read_bytes()
    for folder in (tmp_path / "saved", tmp_path):
        with pytest.raises(RecipeError, match="holds the model that is to be written"):
            export(tmp_path / "saved", folder, to="transformers", overwrite=True)
    assert (tmp_path / "saved/model.safetensors").read_bytes() == before


def test_what_fails_leaves_nothing_behind(trained_runs: dict[str, Path], tiny_text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(DataError, match="file is not a folder"):
        export(tiny_text, tmp_path / "file", to="transformers", pooling="mean")
    with pytest.raises(RecipeError, match=r"--to: 'transformer' is not one; did you mean 'transformers'\?"):
        export(tiny_text, tmp_path / "out", to="transformer")
    with pytest.raises(RecipeError, match="a model of polysense has one pooling"):
        export(trained_runs["base"], tmp_path / "out", to="transformers", pooling="cls")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_files_are_readable_by_others(tiny_text: str, tmp_path: Path) -> None:
    export(tiny_text, tmp_path / "out", to="sentence-transformers", pooling="cls")
    (tmp_path / "usual").write_text("", "utf-8")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert modes == {(tmp_path / "usual").stat().st_mode & 0o777}


def test_the_model_is_as_it_was_after_an_export(saved: Any, tmp_path: Path) -> None:
    model = saved("avg_top2")
    text: Any = model.learner.model.encoder("text")
    before = (text.fingerprint(), model.encode(TEXTS))
    (tmp_path / "out").mkdir()
    write_sentence_transformers(text, tmp_path / "out")
    assert text.fingerprint() == before[0]
    assert np.array_equal(model.encode(TEXTS), before[1])
    assert json.loads((tmp_path / "out/config.json").read_text("utf-8"))["output_hidden_states"] is True
