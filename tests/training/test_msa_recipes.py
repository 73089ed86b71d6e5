"""Every recipe of the baselines: overfits 64 made clips, beats the constant on others, reads each row by itself, trains to its end."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import pad

from made_mmsa import pickled
from polysense.data.collate import Collate
from polysense.data.corpora.clips import Clips
from polysense.data.frames import HeldFrames, Provenance
from polysense.data.mmsa import convert_mmsa
from polysense.data.toy.clips import write_toy_clips
from polysense.evaluation.evaluator import Answerer
from polysense.inference.predictor import load
from polysense.learner import Learner
from polysense.recipe import list_recipes, load_recipe
from polysense.training.run import train
from polysense.types import Batch, Sample

RECIPES = [name for name in list_recipes() if name.startswith("msa/")]
NARROW: dict[str, tuple[str, ...]] = {
    "msa/tfn": ("encoders.video.width=8",),
    "msa/mtfn": ("encoders.video.width=8",),
    "msa/mult": ("fusion.state_width=8", "fusion.heads=2", "fusion.levels=1"),
    "msa/misa": ("fusion.feed_forward=32", "fusion.code_width=64"),
}
RATE = {"msa/misa": 0.001}
STEPS = 60
HUMAN = {"msa/mlf_dnn", "msa/mtfn", "msa/mlmf"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Sample], list[Sample]]:
    """64 made clips to learn from, and 150 others."""
    table = Clips().read(write_toy_clips(tmp_path_factory.mktemp("clips") / "toy"))
    return list(table.split("train")[:64]), list(table.split("test")[:150])


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of MMSA's, converted, with human scores of single modalities."""
    root = tmp_path_factory.mktemp("converted")
    convert_mmsa(pickled(root, "sims"), root / "sims", score_range=(-1, 1))
    return root / "sims"


def changed(name: str, tiny_text: str) -> list[str]:
    return [f"encoders.text.pretrained={tiny_text}", "encoders.text.max_length=10", *NARROW.get(name, ())]


def overfitted(name: str, tiny_text: str, rows: Sequence[Sample]) -> Learner:
    """The recipe's model, with 60 steps on the rows; in evaluation mode, for dropout is there to keep it from what it is to show."""
    recipe = load_recipe(name, changed(name, tiny_text)).complete(rows)
    learner = recipe.build(seed=0)
    learner.model.fit(rows)
    learner.eval()
    nested = Collate(encoders(learner), learner.preparers)(rows)
    optimizer = torch.optim.Adam([one for one in learner.parameters() if one.requires_grad])
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE.get(name, 0.01) * (1 - step / STEPS)
        optimizer.zero_grad()
        learner(**nested)["loss"].backward()
        optimizer.step()
    return learner


def encoders(learner: Learner) -> dict[str, Any]:
    return {name: learner.model.encoder(name) for name in learner.model.encoders}


def answers(learner: Learner, rows: Sequence[Sample], *, batch_size: int = 64) -> dict[str, list[float]]:
    found = Answerer(learner, Collate(encoders(learner)), batch_size=batch_size).predict(rows)
    return {name: [float(score) for score in column] for name, column in found.columns.items()}


def error(scores: Sequence[float], rows: Sequence[Sample]) -> float:
    return float(np.mean([abs(score - float(row.score or 0)) for score, row in zip(scores, rows, strict=True)]))


def padded(nested: Mapping[str, Any]) -> dict[str, Any]:
    """The batch with three more places behind each row, of anything."""
    found = dict(nested)
    for name in ("audio", "video"):
        frames = nested[name]["frames"]
        behind = torch.arange(frames.shape[1] + 3) >= nested[name]["lengths"].unsqueeze(1)
        found[name] = {**nested[name], "frames": pad(frames, (0, 0, 0, 3)).masked_fill(behind.unsqueeze(-1), 7.0)}
    tokens = {key: pad(nested["text"][key], (0, 3)) for key in ("input_ids", "attention_mask")}
    found["text"] = {**nested["text"], **tokens}
    return found


@pytest.mark.parametrize("name", RECIPES)
def test_the_contract(name: str, clips: tuple[list[Sample], list[Sample]], tiny_text: str) -> None:
    seen, unseen = clips
    learner = overfitted(name, tiny_text, seen)
    median = float(np.median([float(row.score or 0) for row in seen]))
    constant = {len(rows): error([median] * len(rows), rows) for rows in clips}
    assert error(answers(learner, seen)["score"], seen) < 0.4 * constant[len(seen)]
    together = answers(learner, unseen)
    assert error(together["score"], unseen) < 0.9 * constant[len(unseen)]
    assert set(together) == {"score"} | ({"score_text", "score_audio", "score_video"} if name in HUMAN else set())

    some = unseen[:6]
    alone = answers(learner, some, batch_size=1)
    among_others = answers(learner, [*reversed(some), *seen[:3]])
    nested = Collate(encoders(learner))(some)
    with torch.inference_mode():
        behind, _ = learner.answer(Batch.of(padded(nested)), some)
    for column, scores in together.items():
        expected = pytest.approx(scores[:6], abs=2e-5)
        assert alone[column] == expected
        assert among_others[column][5::-1] == expected
        assert list(behind.columns[column]) == expected


def test_the_errors_of_all_scores_are_weighed_as_in_the_worked_example(tiny_text: str) -> None:
    frames = {name: HeldFrames(np.ones((2, 3), np.float32)) for name in ("audio", "video")}
    row = Sample(id="0", text="so good", **frames, score=0.4, scores={"text": 0.3, "audio": -0.5, "video": 0.2})
    learner = load_recipe("msa/mlf_dnn", changed("msa/mlf_dnn", tiny_text)).complete([row]).build(seed=0).eval()
    with torch.no_grad():
        for weight in learner.objectives.parameters():
            weight.zero_()  # every answer is 0
    loss = float(learner(**Collate(encoders(learner), learner.preparers)([row]))["loss"].detach())
    assert loss == pytest.approx(0.86)  # 0.6 * 0.4 + 0.2 * 0.3 + 0.8 * 0.5 + 0.8 * 0.2


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains_to_its_end_on_a_converted_file(name: str, converted: Path, tiny_text: str, tmp_path: Path) -> None:
    changes = ("num_train_epochs=1", "per_device_train_batch_size=4", "gradient_accumulation_steps=1", "bf16=false")
    settings = [*changed(name, tiny_text), *(f"training.{change}" for change in changes)]
    summary = train(name, converted, out=tmp_path / "run", overrides=settings)
    [line] = [json.loads(line) for line in (tmp_path / "run/seed-0/journal.jsonl").read_text().splitlines()][-1:]
    assert set(line["terms"]) == set(summary["recipe"]["objectives"])
    assert all(math.isfinite(term) for term in line["terms"].values())
    assert "Mult_acc_3" in summary["per_seed"][0]["test"], "the range of the scores is that of SIMS"
    model = load(tmp_path / "run")
    frames = {name: held(summary["recipe"]["encoders"][name]["init_args"]) for name in ("audio", "video")}
    for row in ({"text": "so good", **frames}, {"text": "so good"}, {"audio": frames["audio"]}):
        [answer] = model.predict([row])
        assert math.isfinite(answer["score"])


def held(arguments: Mapping[str, Any]) -> HeldFrames:
    made = Provenance(arguments["features"]["name"], arguments["features"]["parameters"])
    return HeldFrames(np.ones((3, arguments["frame_width"]), np.float32), made)
