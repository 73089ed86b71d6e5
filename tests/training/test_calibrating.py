from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from polysense.errors import PolysenseError, RecipeError
from polysense.inference.predictor import load
from polysense.training.calibrating import calibrate
from polysense.training.run import train

SETTINGS = ("objectives.classification.objective.calibrate=true", "objectives.classification.objective.decide=macro_f1")


@pytest.fixture(scope="module")
def calibrated(trained_runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("calibrated") / "run"
    calibrate(trained_runs["base"], out, decide="macro_f1")
    return out


def rows(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_it_is_the_run_that_training_with_the_options_makes(
    calibrated: Path, toy_posts: Path, tiny_encoders: list[str], tmp_path: Path
) -> None:
    other = train("social/posts_concat", toy_posts, out=tmp_path / "run", seeds=[0, 1], overrides=[*tiny_encoders, *SETTINGS])
    found = json.loads((calibrated / "run.json").read_text())
    assert found["recipe"] == other["recipe"]
    assert (calibrated / "recipe.yaml").read_text() == (tmp_path / "run" / "recipe.yaml").read_text()
    assert found["best_seed"] == other["best_seed"]
    assert found["command"][-4:] == ["--set", SETTINGS[0], "--set", SETTINGS[1]]
    for one, two in zip(found["per_seed"], other["per_seed"], strict=True):
        settled, other_settled = one["settled"]["classification"], two["settled"]["classification"]
        assert settled["temperature"] == pytest.approx(other_settled["temperature"], rel=1e-3)
        assert settled["thresholds"] == pytest.approx(other_settled["thresholds"], rel=1e-3)
        for split in ("validation", "test"):
            assert one[split] == pytest.approx(two[split], abs=1e-5)
        seed = f"seed-{one['seed']}"
        files = sorted(file.name for file in (tmp_path / "run" / seed / "predictions").iterdir())
        assert files == sorted(file.name for file in (calibrated / seed / "predictions").iterdir())
        for name in files:
            written, wanted = (rows(run / seed / "predictions" / name) for run in (calibrated, tmp_path / "run"))
            for mine, theirs in zip(written, wanted, strict=True):
                assert mine["probabilities"] == pytest.approx(theirs["probabilities"], abs=1e-5)
                assert (mine["id"], mine["label"]) == (theirs["id"], theirs["label"])


def test_the_weights_answer_as_was_written_down(calibrated: Path, toy_posts: Path, trained_runs: dict[str, Path]) -> None:
    model = load(calibrated / "seed-1")
    line = rows(calibrated / "seed-1/predictions/test.jsonl")[0]
    answer = model.predict({"text": line["text"], "image": line["image"]})[0]
    assert answer["probabilities"] == pytest.approx(line["probabilities"], abs=1e-5)
    assert answer["label"] == line["label"]
    before = json.loads((trained_runs["base"] / "run.json").read_text())
    assert all("settled" not in one for one in before["per_seed"]), "the run itself stays as it is"


def test_a_class_that_validation_lacks_is_told_once_for_all_seeds(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["base"], tmp_path / "run")
    for seed in (0, 1):
        file = run / f"seed-{seed}/predictions/validation.jsonl"
        file.write_text(file.read_text().replace('"target": "neutral"', '"target": "negative"'))
    found = calibrate(run, tmp_path / "calibrated", decide="macro_f1")
    assert [one["settled"]["classification"]["thresholds"]["neutral"] for one in found["per_seed"]] == pytest.approx(
        [1 / 3] * 2, abs=1e-6
    )
    told = "decide: macro_f1 fits no threshold of classes that no validation row has: 'neutral'"
    assert capsys.readouterr().err.count(told) == 1


def test_what_cannot_be_calibrated_leaves_nothing(calibrated: Path, trained_runs: dict[str, Path], tmp_path: Path) -> None:
    run = trained_runs["base"]
    with pytest.raises(RecipeError, match="was calibrated already"):
        calibrate(calibrated, tmp_path / "new")
    with pytest.raises(RecipeError, match="is a single model: name the run"):
        calibrate(run / "seed-0", tmp_path / "new")
    with pytest.raises(RecipeError, match="lies in the run itself"):
        calibrate(run, run / "new")
    with pytest.raises(RecipeError, match="is not an empty folder"):
        calibrate(run, calibrated)
    broken = shutil.copytree(run, tmp_path / "broken")
    (broken / "seed-1" / "model.safetensors").write_bytes(b"")
    with pytest.raises(PolysenseError, match="cannot be loaded"):
        calibrate(broken, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken"]
