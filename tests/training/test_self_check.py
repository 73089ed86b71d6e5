from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import polysense
from made_sentiment import write_metaspace
from polysense.encoders.stored_features import StoredFeatures
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, PolysenseError
from polysense.fusion.single import Single
from polysense.learner import Learner
from polysense.model import Model
from polysense.objectives.span_tagging import SpanTagging
from polysense.training.self_check import FILE, refuse_other_outputs, write_self_check
from polysense.training.trainer import save_weights


@pytest.fixture
def model(trained_runs: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a finished seed with classes and a match of text and picture."""
    return Path(shutil.copytree(trained_runs["both"] / "seed-0", tmp_path / "model"))


def test_what_a_run_wrote_is_what_its_model_does(model: Path) -> None:
    rows = json.loads((model / FILE).read_text("utf-8"))["outputs"]
    assert len(rows) == 3
    assert len({tuple(row) for row in rows}) == 3
    assert (model / FILE).stat().st_size < 4000
    polysense.load(model)


def test_a_saved_copy_has_its_own(model: Path, tmp_path: Path) -> None:
    polysense.load(model).save_pretrained(tmp_path / "copy")
    assert (tmp_path / "copy" / FILE).is_file()
    polysense.load(tmp_path / "copy")


@pytest.mark.parametrize("part", ["encoders.text", "encoders.image", "fusion", "objectives"])
def test_other_weights_are_refused(model: Path, part: str) -> None:
    """They fit, and are another model's."""
    learner = polysense.load(model).learner
    with torch.no_grad():
        for name, weights in learner.named_parameters():
            if part in name:
                weights.copy_(weights.flip(0))
    save_weights(learner, model / "model.safetensors")
    with pytest.raises(PolysenseError, match=r"not the model that was saved there: .* self_check\.json"):
        polysense.load(model)
    (model / FILE).unlink()
    polysense.load(model)


def test_another_tokenizer_is_refused(model: Path, tmp_path: Path) -> None:
    file = model / "encoders/text/tokenizer.json"
    content = json.loads(file.read_text("utf-8"))
    vocabulary = content["model"]["vocab"]
    vocabulary["##o"], vocabulary["##e"] = vocabulary["##e"], vocabulary["##o"]
    file.write_text(json.dumps(content), "utf-8")
    with pytest.raises(PolysenseError, match="not the model"):
        polysense.load(model)


def test_a_damaged_file_is_named(model: Path) -> None:
    (model / FILE).write_text("{", "utf-8")
    with pytest.raises(DataError, match=r"self_check\.json"):
        polysense.load(model)
    for outputs in ([], [[1.0]] * 3, None):
        (model / FILE).write_text(json.dumps({"outputs": outputs}), "utf-8")
        with pytest.raises(PolysenseError, match="not the model"):
            polysense.load(model)


def learner_of(encoder: TransformerText | StoredFeatures) -> Learner:
    name = encoder.modality
    objectives = {"spans": SpanTagging({"text": encoder.width}, roles=["a"])} if name == "text" else {}
    return Learner(
        Model({name: encoder}, Single({name: encoder.width}, modality=name)), objectives, dict.fromkeys(objectives, 1.0), seed=0
    )


@pytest.mark.parametrize("aspect", [False, True])
def test_models_that_mark_and_models_that_read_aspects(tmp_path: Path, aspect: bool) -> None:
    encoder = TransformerText(write_metaspace(tmp_path / "encoder")) if not aspect else None
    learner = learner_of(encoder or TransformerText("minilm", weights="random", shape={"num_hidden_layers": 1}, aspect=True))
    write_self_check(tmp_path, learner.train())
    assert learner.training
    refuse_other_outputs(tmp_path, learner.eval())


def test_models_of_vectors_have_none(tmp_path: Path) -> None:
    write_self_check(tmp_path, learner_of(StoredFeatures(width=4)))
    assert not (tmp_path / FILE).exists()
    refuse_other_outputs(tmp_path, learner_of(StoredFeatures(width=4)))
