from __future__ import annotations

import json
import math
from pathlib import Path

import torch

from polysense.data.collate import Collate
from polysense.data.table import read_table
from polysense.evaluation.evaluator import Answerer
from polysense.inference.predictor import Predictor
from polysense.training.run import train
from polysense.training.settling import settle

SETTINGS = (
    "objectives.classification.objective.calibrate=true",
    "objectives.classification.objective.decide=macro_f1",
    "training.num_train_epochs=1",
)


def test_temperature_and_thresholds_are_fitted_on_validation_and_used(
    tmp_path: Path, toy_posts: Path, tiny_encoders: list[str]
) -> None:
    summary = train("social/posts_concat", toy_posts, out=tmp_path / "run", seeds=[0], overrides=[*tiny_encoders, *SETTINGS])
    [entry] = summary["per_seed"]
    found = entry["settled"]["classification"]
    model = Predictor.from_pretrained(tmp_path / "run")
    objective = model.learner.objective("classification")
    assert math.isclose(float(objective.temperature), found["temperature"], rel_tol=1e-4)
    assert list(found["thresholds"]) == ["negative", "neutral", "positive"]
    rows = [json.loads(line) for line in (tmp_path / "run/seed-0/predictions/validation.jsonl").read_text().splitlines()]
    for row in rows:
        ratios = {label: chance / found["thresholds"][label] for label, chance in row["probabilities"].items()}
        # where rows are much alike, a threshold lies close to their chances
        assert math.isclose(ratios[row["label"]], max(ratios.values()), rel_tol=1e-4), ratios


def test_what_was_settled_before_is_settled_from_the_start(tmp_path: Path, toy_posts: Path, tiny_encoders: list[str]) -> None:
    """Whoever was killed behind the settled weights finds them when it goes on."""
    train("social/posts_concat", toy_posts, out=tmp_path / "run", seeds=[0], overrides=[*tiny_encoders, *SETTINGS])
    model = Predictor.from_pretrained(tmp_path / "run")
    objective, rows = model.learner.objective("classification"), read_table(toy_posts).split("validation")
    answerer = Answerer(
        model.learner, Collate({name: model.learner.model.encoder(name) for name in model.learner.model.encoders})
    )
    before = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
    found = settle(model.learner, answerer, rows)
    assert found == json.loads((tmp_path / "run/seed-0/run.json").read_text())["settled"]
    assert all(torch.equal(tensor, before[name]) for name, tensor in objective.state_dict().items())
