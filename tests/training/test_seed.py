from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file

from polysense.data.table import read_table
from polysense.encoders.encoder import Encoder
from polysense.learner import Learner
from polysense.training import seed
from polysense.training.run import train
from polysense.training.splits import Splits
from polysense.types import Prediction, Sample

RECIPE = "social/posts_concat_both"


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "seed-0" / name).read_text().splitlines()]


class Judge:
    """Scores validation by a script and remembers the weights it was shown; test gets 0."""

    def __init__(self, script: Sequence[float]) -> None:
        self.script = list(script)
        self.seen: list[str] = []
        self.weights: list[dict[str, torch.Tensor]] = []

    def __call__(self, answerer: Any, evaluators: object, samples: Sequence[Sample]) -> dict[str, float]:
        split = str(samples[0].split)
        assert {sample.split for sample in samples} == {split}
        self.seen.append(split)
        self.weights.append({name: value.clone() for name, value in answerer.learner.state_dict().items()})
        return {"weighted_f1": self.script[len(self.seen) - 1] if split == "validation" else 0.0}


@pytest.mark.parametrize(
    ("overrides", "script", "best", "evaluations"),
    [
        ([], [0.2, 0.9, 0.8, 0.7], 1, 4),
        (["evaluation.patience=3"], [0.5, 0.5, 0.5, 0.5], 0, 4),
        (["evaluation.greater_is_better=false"], [0.2, 0.9, 0.1, 0.7], 2, 4),
        (["evaluation.patience=1"], [0.2, 0.9, 0.8], 1, 3),
    ],
)
def test_the_weights_that_are_best_on_validation_are_kept_and_test_is_scored_once(
    tiny_encoders: list[str],
    toy_posts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    overrides: list[str],
    script: list[float],
    best: int,
    evaluations: int,
) -> None:
    judge = Judge([*script, script[best]])
    monkeypatch.setattr(seed, "score", judge)
    steps = ["training.eval_strategy=steps", "training.eval_steps=3"]  # of 12
    summary = train(RECIPE, toy_posts, out=tmp_path / "run", seeds=[0], overrides=[*tiny_encoders, *steps, *overrides])
    assert judge.seen == [*["validation"] * (evaluations + 1), "test"]
    assert summary["per_seed"][0]["best_step"] == 3 * (best + 1)
    assert summary["per_seed"][0]["last_step"] == 3 * evaluations
    assert summary["per_seed"][0]["last"] == {"weighted_f1": script[evaluations - 1]}
    card, there = (tmp_path / "run" / "README.md").read_text(), f"{script[best]:.4f} at the checkpoints that were chosen"
    last = script[evaluations - 1]
    assert f"{there}{', as' if last == script[best] else f' and {last:.4f}'} at the last ones" in card
    assert summary["per_seed"][0]["epochs"] == evaluations / 2
    kept = load_file(tmp_path / "run" / "seed-0" / "model.safetensors")
    for shown in (judge.weights[best], judge.weights[-2], judge.weights[-1]):
        assert all(torch.equal(kept[name], shown[name]) for name in kept)
    others = [judge.weights[place] for place in range(evaluations) if place != best]
    assert not any(all(torch.equal(kept[name], weights[name]) for name in kept) for weights in others)


def test_how_often_is_judged_changes_no_loss(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    for name, more in {"epoch": [], "steps": ["training.eval_strategy=steps", "training.eval_steps=1"]}.items():
        overrides = [*tiny_encoders, *more, "evaluation.patience=null"]
        train(RECIPE, toy_posts, out=tmp_path / name, seeds=[0], overrides=overrides)
    assert lines(tmp_path / "epoch", "journal.jsonl") == lines(tmp_path / "steps", "journal.jsonl")
    assert [line["step"] for line in lines(tmp_path / "epoch", "evaluations.jsonl")] == [6, 12]
    assert [line["step"] for line in lines(tmp_path / "steps", "evaluations.jsonl")] == list(range(1, 13))


@pytest.mark.parametrize("tokens", ["pooled", "grid"])
def test_a_cached_picture_trains_like_one_that_is_encoded_each_time(
    tiny_encoders: list[str], toy_posts: Path, tmp_path: Path, tokens: str
) -> None:
    overrides = [*tiny_encoders, f"encoders.image.tokens={tokens}", "training.num_train_epochs=1"]
    for name, use_cache in (("cached", True), ("fresh", False)):
        train(RECIPE, toy_posts, out=tmp_path / name, seeds=[0], overrides=overrides, use_cache=use_cache)
    cached, fresh = (lines(tmp_path / name, "journal.jsonl") for name in ("cached", "fresh"))
    assert len(cached) == 6
    for one, two in zip(cached, fresh, strict=True):
        assert one["loss"] == pytest.approx(two["loss"], abs=1e-5)
        assert one["terms"] == pytest.approx(two["terms"], abs=1e-5)


def test_turning_a_signal_on_moves_neither_batches_nor_the_start(trained_runs: dict[str, Path]) -> None:
    """Before the first update (its warm-up rate is 0) the classification term is that of the base."""
    base, both = (lines(trained_runs[name], "journal.jsonl")[0]["terms"] for name in ("base", "both"))
    assert base["classification"] == pytest.approx(both["classification"], abs=1e-6)


def test_the_predictions_name_each_row_and_what_it_lacked(trained_runs: dict[str, Path], toy_posts: Path) -> None:
    table = {sample.id: sample for sample in read_table(toy_posts).samples}
    test = [sample.id for sample in table.values() if sample.split == "test"]
    for name, missing in (("test", []), ("test.text", ["image"]), ("test.image", ["text"])):
        rows = lines(trained_runs["both"], f"predictions/{name}.jsonl")
        assert [row["id"] for row in rows] == test
        for row in rows:
            sample = table[row["id"]]
            assert row["missing"] == missing
            assert (row["target"], row["text"], row["image"]) == (sample.label, sample.text, str(sample.image))
            assert row["extra"] == dict(sample.extra)
            assert row["label"] == max(row["probabilities"], key=row["probabilities"].get)
            assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-6)
            assert (row["match"] is None) == (row["similarity"] is None) == bool(missing)
    validation = lines(trained_runs["both"], "predictions/validation.jsonl")
    assert {table[row["id"]].split for row in validation} == {"validation"}


class Listing:
    """Stands in for an answerer of three modalities: answers with what it is shown of each sample."""

    collate = SimpleNamespace(modalities=dict.fromkeys(("text", "audio", "video")))

    def predict(self, samples: Sequence[Sample], *, only: set[str]) -> Prediction:
        return Prediction({"seen": [sorted(only & set(sample.modalities)) for sample in samples]})


def test_of_three_modalities_each_is_shown_alone_and_left_out(tmp_path: Path) -> None:
    frames: Any = object()
    test = [
        Sample(id="all", text="x", audio=frames, video=frames, score=0.5),
        Sample(id="words", text="x", score=1.0, group="a film"),
        Sample(id="film", video=frames, audio=frames, score=-1.0),
    ]
    seed.write_predictions(tmp_path, cast(Any, Listing()), Splits(train=[], validation=[], test=test))
    found = {
        file.stem: {row["id"]: (row["seen"], row["missing"]) for row in map(json.loads, file.read_text().splitlines())}
        for file in tmp_path.glob("*.jsonl")
    }
    assert [row.get("group") for row in map(json.loads, (tmp_path / "test.jsonl").read_text().splitlines())] == [
        None,
        "a film",
        None,
    ]
    assert set(found) == {"test"} | {f"test{kind}{name}" for kind in (".", ".without_") for name in Listing.collate.modalities}
    assert found["test"]["words"] == (["text"], ["audio", "video"])
    assert found["test.text"] == {"all": (["text"], ["audio", "video"]), "words": (["text"], ["audio", "video"])}
    assert found["test.without_text"] == {"all": (["audio", "video"], ["text"])}
    assert found["test.without_video"] == {
        "all": (["audio", "text"], ["video"]),
        "film": (["audio"], ["text", "video"]),
    }


def test_the_metrics_are_those_of_the_kept_weights(trained_runs: dict[str, Path]) -> None:
    for run in trained_runs.values():
        result = json.loads((run / "seed-0" / "run.json").read_text())
        rows = lines(run, "predictions/test.jsonl")
        assert result["test"]["accuracy"] == pytest.approx(sum(row["label"] == row["target"] for row in rows) / len(rows))
        line = next(line for line in lines(run, "evaluations.jsonl") if line["step"] == result["best_step"])
        assert result["validation"] == pytest.approx(line["metrics"])
        last = lines(run, "evaluations.jsonl")[-1]
        assert (result["last_step"], result["last"]) == (last["step"], last["metrics"])
        assert line["metrics"]["weighted_f1"] == max(one["metrics"]["weighted_f1"] for one in lines(run, "evaluations.jsonl"))


def test_further_texts_and_pictures_are_encoded_beside_their_rows() -> None:
    """In one go, and not batch by batch in the midst of training."""
    one = Sample(
        id="1", text="a", image=Path("a.png"), pair="b", negatives=("c", "d"), near_texts=("e",), near_images=(Path("n.png"),)
    )
    rows = [one, Sample(id="2", text="f")]
    assert [row.text for row in seed.companions(rows, "text")] == ["b", "c", "d", "e"]
    assert [row.image for row in seed.companions(rows, "image")] == [Path("n.png")]
    assert seed.companions(rows, "audio") == []


def test_frozen_encoders_run_on_the_device_of_the_training(
    tiny_encoders: list[str], toy_posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    move, readers = Learner.to, seed.readers
    monkeypatch.setattr(Learner, "to", lambda self, *where, **how: (events.append("moved"), move(self, *where, **how))[1])
    monkeypatch.setattr(seed, "readers", lambda *given, **how: (events.append("encoded"), readers(*given, **how))[1])
    monkeypatch.setattr(Encoder, "cpu", lambda _: pytest.fail("taken off the device"))
    train(RECIPE, toy_posts, out=tmp_path / "run", seeds=[0], overrides=[*tiny_encoders, "training.max_steps=1"])
    assert events[:2] == ["moved", "encoded"]
