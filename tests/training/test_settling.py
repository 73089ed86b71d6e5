from __future__ import annotations

import json
import math
from pathlib import Path

from polysense.inference.predictor import Predictor
from polysense.training.run import train

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
