"""A training with generated labels: what it writes down, how it goes on after a break, what it answers."""

from __future__ import annotations

import contextlib
import io
import json
import math
from pathlib import Path
from typing import Any

import polars
import pytest
import torch
from safetensors.torch import load_file

import polysense
from polysense.errors import RecipeError
from polysense.recipe import load_recipe
from polysense.report import write_report
from polysense.training import trainer
from polysense.training.comparison import compare
from polysense.training.run import train

RECIPE = """# The score of a post, and of its text by itself.
encoders:
  text: {class_path: TransformerText, init_args: {pretrained: TINY}}
fusion: {class_path: Concatenation, init_args: {width: 8, dropout: 0.1}}
objectives:
  score: {objective: {class_path: Regression, init_args: {hidden: 8, score_range: [-3.0, 3.0]}}}
  own: {objective: {class_path: UnimodalLabels, init_args: {hidden: {text: 6}, dropout: 0.1}}}
training:
  num_train_epochs: 4
  per_device_train_batch_size: 5
  gradient_accumulation_steps: 2
  learning_rate: 1.0e-2
  weight_decay: 0.1
  bf16: false
evaluation:
  evaluators: [{class_path: SentimentRegression, init_args: {details: true}}]
  best: last
"""
WORDS = {"awful": -3.0, "bad": -1.4, "plain": 0.0, "good": 1.6, "lovely": 3.0}


def rows() -> list[dict[str, Any]]:
    found = []
    for number in range(36):
        word, score = list(WORDS.items())[number % 5]
        split = ("train", "train", "train", "validation", "test", "train")[number % 6]
        found.append({"id": f"clip-{number}", "text": f"a {word} thing {number}", "score": score, "split": split})
    return found


@pytest.fixture(scope="module")
def recipe(tiny_text: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("recipe") / "clips.yaml"
    file.write_text(RECIPE.replace("TINY", tiny_text), encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def run(recipe: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    train(recipe, rows(), out=out, seeds=[0])
    return out


def running_means(run: Path) -> str:
    """Those of the terms of all steps, as the line of the last evaluation has them."""
    smooth: dict[str, float] = {}
    for line in (run / "seed-0" / "journal.jsonl").read_text(encoding="utf-8").splitlines():
        for name, value in json.loads(line)["terms"].items():
            smooth[name] = 0.9 * smooth.get(name, value) + 0.1 * value
    return f"({', '.join(f'{name} {value:.3f}' for name, value in smooth.items())})"


def tables(run: Path) -> dict[str, polars.DataFrame]:
    return {file.name: polars.read_parquet(file) for file in sorted((run / "seed-0" / "memory").iterdir())}


def test_the_labels_are_written_down_at_each_evaluation(run: Path) -> None:
    found = tables(run)
    assert list(found) == [f"own.{step:07d}.parquet" for step in (3, 6, 9, 12)]  # the last, incomplete group is a step
    scores = {row["id"]: row["score"] for row in rows() if row["split"] == "train"}
    for epoch, table in enumerate(found.values(), start=1):
        assert table.columns == ["id", "y_m", "y_t", "visits"]
        assert dict(zip(table["id"], table["y_m"], strict=True)) == pytest.approx(scores)
        assert table["visits"].to_list() == [epoch] * 24
        moved = (table["y_t"] - table["y_m"]).abs()
        assert (moved.max() > 0) == (epoch > 1)
        assert table["y_t"].abs().max() <= 3


def test_what_is_remembered_stands_beside_its_own_row_where_a_seed_draws_some(recipe: str, tmp_path: Path) -> None:
    table = [{**row, "label": "ab"[number % 2]} for number, row in enumerate(rows())]
    (tmp_path / "posts.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in table), encoding="utf-8")
    drawn = "corpora=[{class_path: Posts, init_args: {labels: 8}}]"
    train(recipe, tmp_path / "posts.jsonl", out=tmp_path / "run", seeds=[1], overrides=[drawn, "training.num_train_epochs=1"])
    [file] = (tmp_path / "run/seed-1/memory").iterdir()
    found = polars.read_parquet(file)
    scores = {row["id"]: row["score"] for row in table if row["split"] == "train"}
    assert found["id"].to_list() == list(scores)
    known = found.filter(polars.col("y_m").is_not_null())
    assert len(known) >= 8
    assert dict(zip(known["id"], known["y_m"], strict=True)) == pytest.approx({name: scores[name] for name in known["id"]})


def test_heads_whose_labels_did_not_move_keep_their_weights_under_decay(recipe: str, tmp_path: Path) -> None:
    train(recipe, rows(), out=tmp_path / "run", seeds=[0], overrides=["training.num_train_epochs=2"])
    saved = load_file(tmp_path / "run" / "seed-0" / "model.safetensors")
    start = load_recipe(str(tmp_path / "run" / "recipe.yaml")).build(seed=0).state_dict()
    own = [name for name in saved if name.startswith(("objectives.own.heads", "objectives.own.features"))]
    assert len(own) == 6
    assert all(torch.equal(saved[name], start[name]) for name in own)
    assert not torch.equal(saved["objectives.score.head.1.weight"], start["objectives.score.head.1.weight"])


def test_the_labels_term_is_told_from_the_third_visit_on(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "seed-0" / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    assert ["own" in line["terms"] for line in lines] == [False] * 6 + [True] * 6
    assert all("score" in line["terms"] for line in lines)
    assert ["parts" in line for line in lines] == [False] * 6 + [True] * 6
    for line in lines[6:]:
        assert line["parts"] == {"own/text": pytest.approx(line["terms"]["own"])}


def test_a_broken_run_goes_on_with_the_labels_that_it_would_have_had(
    run: Path, recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record, calls = trainer.LearnerTrainer.record_step, 0

    def breaks(self: trainer.LearnerTrainer) -> None:
        nonlocal calls
        calls += 1
        if calls == 8:
            raise KeyboardInterrupt
        record(self)

    with monkeypatch.context() as patch:
        patch.setattr(trainer.LearnerTrainer, "record_step", breaks)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, rows(), out=tmp_path / "run", seeds=[0])
    capsys.readouterr()
    train(recipe, rows(), out=tmp_path / "run", seeds=[0], resume=True)
    assert running_means(run) in capsys.readouterr().err
    assert tables(tmp_path / "run").keys() == tables(run).keys()
    assert all(table.equals(tables(run)[name]) for name, table in tables(tmp_path / "run").items())
    for name in ("journal.jsonl", "evaluations.jsonl", "predictions/test.jsonl"):
        assert (tmp_path / "run" / "seed-0" / name).read_text() == (run / "seed-0" / name).read_text()


def test_runs_are_measured_and_compared(run: Path) -> None:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    measured = record["per_seed"][0]["test"]
    assert record["labels"] == []  # nothing here is a class
    assert {"MAE", "Corr", "Has0_acc_2", "Non0_acc_2", "Has0_F1_score", "Mult_acc_7", "rows"} <= set(measured)
    assert {"MAE/text", "Corr/text"} <= set(measured)
    assert compare(run, run, resamples=100).base == pytest.approx(measured["MAE"], abs=1e-6)
    lines = [json.loads(line) for line in (run / "seed-0/predictions/test.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(isinstance(line["score_text"], float) and abs(line["score"]) <= 3 for line in lines)


def test_a_model_for_use_knows_nothing_of_the_training_rows(run: Path, tmp_path: Path) -> None:
    model = polysense.load(run)
    before = model.predict(["a lovely thing", "a bad thing"])
    model.save_pretrained(tmp_path / "saved")
    assert polysense.load(tmp_path / "saved").predict(["a lovely thing", "a bad thing"]) == before
    assert set(before[0]) >= {"score", "score_text"}
    weights = load_file(tmp_path / "saved" / "model.safetensors")
    memory = {name: value for name, value in weights.items() if ".generator." in name and name.rpartition(".")[2] != "counts"}
    assert memory["objectives.own.generator.features_text"].shape == (0, 6)
    assert memory["objectives.own.generator.label"].shape == (2, 0)
    assert "rows: 0" in (tmp_path / "saved" / "recipe.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hasty(recipe: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run whose best validation comes before any head has learned something, and what was said of it."""
    out, said = tmp_path_factory.mktemp("runs") / "hasty", io.StringIO()
    still = ["training.learning_rate=1.0e-12", "evaluation.best=Mult_acc_5"]  # so that no evaluation is better than the first
    with contextlib.redirect_stderr(said):
        train(recipe, rows(), out=out, seeds=[0], overrides=still)
    return out, said.getvalue()


def test_scores_of_heads_that_have_learned_nothing_are_not_given_and_that_is_said_once(hasty: tuple[Path, str]) -> None:
    out, said = hasty
    [told] = [line for line in said.splitlines() if "had learned anything" in line]
    assert "of epoch 1, before the head of text had" in told
    assert told.endswith("so they give no score of it alone; the model of epoch 4 does: it is kept in seed-0/last")
    lines = [json.loads(line) for line in (out / "seed-0/predictions/test.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all("score" in line and "score_text" not in line for line in lines)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))["per_seed"][0]
    assert record["untaught"] == ["text"]
    assert "MAE/text" not in record["test"]
    noted = [json.loads(line).get("untaught") for line in (out / "seed-0/evaluations.jsonl").read_text().splitlines()]
    assert noted == [["text"], ["text"], None, None]


def test_a_model_warns_once_of_the_scores_that_it_does_not_give(hasty: tuple[Path, str]) -> None:
    model = polysense.load(hasty[0])
    with pytest.warns(UserWarning, match=r"gives no score of text alone: .*seed-0.last is the model") as warned:
        found = model.predict(["a lovely thing", "a bad thing"])
    assert len(warned) == 1
    assert all("score" in one and "score_text" not in one for one in found)
    assert "score_text" in polysense.load(hasty[0] / "seed-0" / "last").predict("a lovely thing")[0]


def test_the_score_of_a_modality_by_itself_chooses(recipe: str, tmp_path: Path) -> None:
    train(recipe, rows(), out=tmp_path / "run", seeds=[0], overrides=["evaluation.best=MAE/text", "evaluation.patience=1"])
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert (record["best_metric"], record["greater_is_better"]) == ("MAE/text", False)
    lines = (tmp_path / "run/seed-0/evaluations.jsonl").read_text(encoding="utf-8").splitlines()
    found = {line["step"]: line["metrics"]["MAE/text"] for line in map(json.loads, lines)}
    assert [step for step, value in found.items() if math.isnan(value)] == [3, 6], "no head had learned anything"
    heard = {step: value for step, value in found.items() if not math.isnan(value)}
    result = record["per_seed"][0]
    assert result["best_step"] == min(heard, key=lambda step: heard[step])
    assert result["validation"]["MAE/text"] == pytest.approx(min(heard.values()))
    assert "MAE/text" in write_report(tmp_path / "run").read_text(encoding="utf-8")
    compared = compare(tmp_path / "run", tmp_path / "run", metric="MAE/text", resamples=100)
    assert compared.base == pytest.approx(result["test"]["MAE/text"], abs=1e-6)


def test_a_modality_that_chooses_and_has_no_head_is_refused_before_training(recipe: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"evaluation\.best: no evaluator gives 'MAE/audio'; .*'MAE/text'"):
        train(recipe, rows(), out=tmp_path / "run", seeds=[0], overrides=["evaluation.best=MAE/audio"])
    assert not (tmp_path / "run").exists()


def test_a_head_that_chooses_and_never_learned_ends_a_training_as_another_does(recipe: str, tmp_path: Path) -> None:
    brief = ["evaluation.best=MAE/text", "training.num_train_epochs=2"]
    train(recipe, rows(), out=tmp_path / "run", seeds=[0], overrides=brief)
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["per_seed"][0]["untaught"] == ["text"]
    assert "MAE/text" not in record["per_seed"][0]["test"]
    assert "chosen by MAE/text" in (tmp_path / "run" / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    assert write_report(tmp_path / "run").is_file()


def test_a_training_too_short_for_any_head_says_how_long_it_takes(recipe: str, tmp_path: Path) -> None:
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        train(recipe, rows(), out=tmp_path / "run", seeds=[0], overrides=["training.num_train_epochs=2"])
    assert "from its rows' third visit on" in said.getvalue()
    assert not (tmp_path / "run" / "seed-0" / "last").exists()
