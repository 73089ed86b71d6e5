"""Adversarial training from its recipes: to the end, after a kill, in two processes; nothing of it is left in a trained model."""

from __future__ import annotations

import json
import math
import multiprocessing
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file
from tests.made_colours import COLOURS, SIDE, parts_of
from tests.made_writing import caption_settings, small, write_captions

import killed
import several
from polysense.cli.main import execute
from polysense.inference.predictor import load
from polysense.training.run import train

SIGNAL = "objectives.adversarial.objective"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Captions of pictures, and a table of texts that a picture entails or contradicts."""
    folder = tmp_path_factory.mktemp("adversarial")
    write_captions(folder)
    lines = ["text,image,label,split"]
    for number in range(32):
        shown, said = (list(COLOURS)[(number * step) % 8] for step in (1, 1 if number % 2 else 3))
        Image.new("RGB", (SIDE, SIDE), COLOURS[shown]).save(folder / f"{shown}.png")
        split = "train" if number < 16 else "validation" if number < 24 else "test"
        label = "entailment" if shown == said else "contradiction"
        lines.append(f"a {said} box{' see' * (number % 3)},{shown}.png,{label},{split}")
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def context() -> Any:
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["polysense.training.run"])
    return found


def journal_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "seed-0" / "journal.jsonl").read_text().splitlines()]


def entail_settings(networks: Path, *, epochs: int) -> list[str]:
    image = f"encoders.image={{class_path: VisionImage, init_args: {{pretrained: {networks / 'vit'}, trainable: true}}}}"
    return [*small(networks, epochs=epochs), image, "corpora.0=Posts", f"{SIGNAL}.steps=2"]


def test_entailment_by_the_command(root: Path, networks: Path, tmp_path: Path) -> None:
    sets = [part for one in entail_settings(networks, epochs=2) for part in ("--set", one)]
    run = tmp_path / "run"
    words = ["train", "unimo/entail_adversarial", "--data", str(root / "pairs.csv"), "--out", str(run), "--seeds", "0", *sets]
    assert execute(words) == 0
    journal = journal_of(run)
    assert len(journal) == 4
    for line in journal:
        assert set(line["terms"]) == {"classification", "adversarial"}
        assert line["terms"]["adversarial"] > line["terms"]["classification"]  # two modalities, each as hard at least
    model = load(run)
    pairs = [{"text": f"a {colour} box", "image": str(root / "red.png")} for colour in COLOURS]
    answers = model.predict(pairs)
    model.save_pretrained(tmp_path / "saved")
    assert load(tmp_path / "saved").predict(pairs) == answers
    # the model is the one of a recipe that never knew of it
    plain = shutil.copytree(tmp_path / "saved", tmp_path / "plain")
    recipe = yaml.safe_load((plain / "recipe.yaml").read_text())
    del recipe["objectives"]["adversarial"]
    (plain / "recipe.yaml").write_text("# plain\n" + yaml.safe_dump(recipe))
    assert load(plain).predict(pairs) == answers


def test_captions_killed_and_resumed_are_shifted_as_unbroken(root: Path, networks: Path, tmp_path: Path, context: Any) -> None:
    name, broken, whole = "unimo/caption_adversarial", tmp_path / "broken", tmp_path / "whole"
    overrides = [
        *caption_settings(networks, epochs=4),
        f"{SIGNAL}.steps=2",
        "training.per_device_train_batch_size=4",
        "evaluation.best=last",
    ]
    child = context.Process(
        target=killed.train_until, args=("batch", 6, name, root), kwargs={"out": broken, "overrides": overrides}
    )
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    train(name, root, out=broken, overrides=overrides, resume=True)
    train(name, root, out=whole, overrides=overrides)
    for file in ("journal.jsonl", "evaluations.jsonl", "model.safetensors"):
        assert (broken / "seed-0" / file).read_bytes() == (whole / "seed-0" / file).read_bytes()
    journal = journal_of(whole)
    assert len(journal) == 8
    assert all(set(line["terms"]) == {"caption", "adversarial"} for line in journal)
    assert all(math.isfinite(line["loss"]) for line in journal)
    assert load(whole).caption([root / "red.png"])[0]["caption"] is not None


def test_two_processes_are_one_with_twice_the_batch(root: Path, networks: Path, tmp_path: Path, context: Any) -> None:
    """Without drawn numbers, which differ from process to process."""
    recipe = parts_of("SingleStream", networks, dropout=0.0) | {
        "objectives": {
            "classification": {"class_path": "Classification", "init_args": {"dropout": 0.0}},
            "adversarial": {"class_path": "Adversarial", "init_args": {"of": "classification", "steps": 3, "start": 0.0}},
        },
        "corpora": ["Posts"],
        "training": {
            "optim": "sgd",
            "learning_rate": 0.05,
            "num_train_epochs": 1,
            "bf16": False,
            "per_device_train_batch_size": 6,
        },
        "evaluation": {"evaluators": ["Losses"], "best": "last"},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    settings = {"recipe": str(tmp_path / "recipe.yaml"), "data": root / "pairs.csv", "seeds": [0]}
    half = {**settings, "out": tmp_path / "two", "overrides": ["training.per_device_train_batch_size=3"]}
    assert several.ended(several.start(context, 2, tmp_path / "said", "train", [half])) == [0, 0]
    train(**settings, out=tmp_path / "one")
    for one, two in zip(journal_of(tmp_path / "one"), journal_of(tmp_path / "two"), strict=True):
        assert two["terms"] == pytest.approx(one["terms"], rel=1e-4)
    here, there = (load_file(tmp_path / run / "seed-0" / "model.safetensors") for run in ("one", "two"))
    for name, tensor in here.items():
        torch.testing.assert_close(there[name], tensor, atol=1e-4, rtol=1e-3, msg=name)
