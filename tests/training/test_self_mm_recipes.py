"""Every recipe of Self-MM trains to its end, on a few made clips of the published shapes, and is loaded again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from made_mmsa import SHAPES, pickled
from polysense.data.frames import HeldFrames, Provenance, StoredFrames
from polysense.data.mmsa import convert_mmsa
from polysense.data.toy.clips import write_toy_clips
from polysense.inference.predictor import load
from polysense.recipe import list_recipes, load_recipe
from polysense.recipe.files import find_recipe, read_recipe
from polysense.training.run import train

RECIPES = [name for name in list_recipes() if name.startswith("self_mm/")]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By the first word of a recipe's name: what it reads."""
    root = tmp_path_factory.mktemp("clips")
    found = {kind: root / kind for kind in SHAPES}
    for kind, folder in found.items():
        convert_mmsa(pickled(root, kind), folder)
    convert_mmsa(pickled(root, "mosi", aligned=True), root / "aligned")
    write_toy_clips(root / "toy", clips=24)
    (root / "mosi_vectors").mkdir()
    write_mosi(root / "mosi_vectors")
    return {
        **found,
        "simsv2": found["sims"],
        "aligned": root / "aligned",
        "clips": root / "toy",
        "vectors": root / "mosi_vectors",
    }


def write_mosi(root: Path) -> None:
    modes = ["train"] * 8 + ["valid"] * 3 + ["test"] * 3
    rows = [f"v_{row},v{row},0,WORDS {row},{row / 4 - 1.6},Positive,{mode},test,{mode}" for row, mode in enumerate(modes)]
    header = "id,video_id,clip_id,text,label,annotation,mode,mode_bclstm,mode_heldout"
    (root / "label.csv").write_text("\n".join([header, *rows]) + "\n")
    ids = np.array([f"v_{row}" for row in range(len(modes))])
    np.savez(root / "audio_features.npz", id=ids, audio=np.random.default_rng(0).standard_normal((len(modes), 73)) * 50)


def source(name: str) -> str:
    bare = name.removeprefix("self_mm/").removeprefix("parity_")
    return "vectors" if bare.startswith("mosi_") else bare


LAST = ("evaluation.best=last", "evaluation.patience=null", "evaluation.greater_is_better=true")
"""The best may come before the heads of the modalities have learned something."""


def small(tiny_text: str, *more: str) -> list[str]:
    changes = ("num_train_epochs=3", "per_device_train_batch_size=4", "gradient_accumulation_steps=1", "bf16=false", "seed=0")
    return [f"encoders.text.pretrained={tiny_text}", *(f"training.{change}" for change in changes), *more]


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains_to_its_end(name: str, data: dict[str, Path], tiny_text: str, tmp_path: Path) -> None:
    summary = train(name, data[source(name)], out=tmp_path / "run", overrides=small(tiny_text, *LAST))
    lines = [json.loads(line) for line in (tmp_path / "run/seed-0/journal.jsonl").read_text().splitlines()]
    assert all(math.isfinite(line["loss"]) for line in lines)
    assert "regression" in lines[0]["terms"]
    assert "unimodal" not in lines[0]["terms"]  # at the first visit there is nothing to learn
    assert ("unimodal" in lines[-1]["terms"]) == ("unimodal" in summary["recipe"]["objectives"])
    [result] = summary["per_seed"]
    assert {"MAE", "Corr"} <= set(result["test"])
    assert (tmp_path / "run/seed-0/self_check.json").is_file()
    written = summary["recipe"]["encoders"]["audio"]["init_args"]
    assert written["frame_width"] > 0
    model = load(tmp_path / "run")
    kept = {name: ones(part["init_args"]) for name, part in summary["recipe"]["encoders"].items() if name != "text"}
    [answer] = model.predict([{"text": "so good", **kept}])
    own = [f"score_{name}" for name in model.modalities] if "unimodal" in summary["recipe"]["objectives"] else []
    assert all(math.isfinite(answer[field]) for field in ("score", *own))


def ones(arguments: dict[str, Any]) -> HeldFrames:
    made = Provenance(arguments["features"]["name"], arguments["features"]["parameters"])
    return HeldFrames(np.ones((3, arguments["frame_width"]), np.float32), made)


@pytest.mark.parametrize(
    ("folder", "changes"),
    [
        ("aligned", ()),
        ("mosi", ("training.per_device_train_batch_size=1",)),
        ("mosi", ("encoders.audio.class_path=SequenceTransformer", "encoders.audio.init_args.hidden=null")),
        (
            "clips",
            (
                "encoders.video=null",
                "training.learning_rates={encoders.text: 5e-5}",
                "objectives.unimodal.objective.hidden=8",
                "objectives.unimodal.objective.dropout=0.1",
            ),
        ),
    ],
)
def test_other_data_and_other_parts(
    folder: str, changes: tuple[str, ...], data: dict[str, Path], tiny_text: str, tmp_path: Path
) -> None:
    summary = train("self_mm/mosi", data[folder], out=tmp_path / "run", overrides=small(tiny_text, *changes))
    assert math.isfinite(summary["per_seed"][0]["test"]["MAE"])


def test_predictions_need_no_padding_and_refuse_other_features(data: dict[str, Path], tiny_text: str, tmp_path: Path) -> None:
    train("self_mm/clips", data["clips"], out=tmp_path / "run", overrides=small(tiny_text, *LAST))
    model = load(tmp_path / "run")
    store = {name: data["clips"] / f"{name}.safetensors" for name in ("audio", "video")}
    rows = [{"text": "good", **{name: StoredFrames(path, row) for name, path in store.items()}} for row in range(3)]
    rows += [
        {"text": "good"},
        {"text": "good", "audio": StoredFrames(store["audio"], 1)},
        {"video": StoredFrames(store["video"], 1)},
    ]
    together = [answer["score"] for answer in model.predict(rows)]
    assert together == pytest.approx([model.predict([row])[0]["score"] for row in rows], abs=1e-5)
    assert len({round(score, 4) for score in together}) == len(rows)
    refused, sound = model.predict([{"text": "good", "audio": np.zeros((2, 5), np.float32)}, rows[0]])
    assert refused["error"].startswith(
        "audio: the sequence is made by something that nobody noted, the model reads what is made"
    )
    assert sound["score"] == pytest.approx(together[0], abs=1e-5)
    [refused] = model.predict([{"text": "good", "audio": HeldFrames(np.zeros((2, 4), np.float32))}])
    assert "has 4 numbers a frame, the model reads 5" in refused["error"]


@pytest.mark.parametrize("name", [name for name in RECIPES if "parity" in name])
def test_a_parity_recipe_steps_as_adam_over_summed_gradients(name: str) -> None:
    training = load_recipe(name).training
    assert training["coupled_decay"]
    groups = training["gradient_accumulation_steps"]
    ours, theirs = nn.Parameter(torch.linspace(-1, 1, 8)), nn.Parameter(torch.linspace(-1, 1, 8))
    mean = torch.optim.Adam([ours], lr=1e-3, eps=training["adam_epsilon"], weight_decay=training["weight_decay"])
    total = torch.optim.Adam([theirs], lr=1e-3, weight_decay=groups * training["weight_decay"])
    for step in range(5):
        ours.grad = torch.full((8,), 1e-6 * (step - 2))  # so small that decay and epsilon tell
        theirs.grad = groups * ours.grad
        mean.step()
        total.step()
    torch.testing.assert_close(ours, theirs)
    published = {"self_mm/parity_mosi": 1e-3, "self_mm/parity_mosei": 1e-2, "self_mm/parity_sims": 1e-3}
    assert groups * training["weight_decay"] == pytest.approx(published[name])


def test_what_the_hub_must_give_is_not_run_here() -> None:
    for name in RECIPES:
        far = "google-bert" in str(read_recipe(name)["encoders"])
        assert far == ("Not run here." in find_recipe(name).read_text("utf-8").splitlines()[0])
