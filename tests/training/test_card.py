from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from polysense.training.card import tags_of, write_card


def card(folder: Path, **more: Any) -> str:
    """Of a made-up run of clips whose scores are predicted."""
    metrics = {"MAE": 0.5, "Corr": 0.7, "Has0_acc_2": 0.8, "rows": 9.0}
    summary = {
        "name": "self_mm/clips",
        "polysense": "0.1.0",
        "synthetic": True,
        "labels": [],
        "seeds": [0],
        "best_seed": 0,
        "best_metric": "MAE",
        "per_seed": [{"test": metrics, "validation": metrics, "last": metrics}],
        "median_score": {"test": {"score": 0.4, "metrics": {"MAE": 0.9, "Has0_acc_2": 0.5}}},
        "recipe": {"encoders": {name: {"init_args": {}} for name in ("text", "audio", "video")}},
        "data": {"name": "toy", "splits": {"train": 20}, "labelled": {"train": 20}},
        "command": ["polysense", "train"],
    }
    (folder / "seed-0" / "predictions").mkdir(parents=True, exist_ok=True)
    write_card(folder, summary | more)
    return (folder / "README.md").read_text(encoding="utf-8")


def test_a_card_of_scores(tmp_path: Path) -> None:
    found = card(tmp_path)
    assert "metrics: [mae, pearsonr]\n---" in found
    assert "| metric on test | seed 0 | always 0.40, the median |" in found
    assert "| MAE | 0.5000 | 0.9000 |\n| Corr | 0.7000 |  |\n" in found
    assert "| rows" not in found
    assert "Of MAE less is better.\nThe last column answers every row with the median score of the training rows" in found
    assert "the texts, recordings and films it was trained on" in found
    assert "posts" not in found.lower()
    [example] = re.findall(r"model\.predict\((.*)\)", found)
    assert json.loads(example) == [{"text": "what a lovely day", "audio": "sound.npy", "video": "film.npy"}]


@pytest.mark.parametrize(("names", "example"), [(("text", "audio"), '[{"text": "what a lovely day"}]'), (("audio",), "rows")])
def test_frames_of_a_known_making_are_not_files(tmp_path: Path, names: tuple[str, ...], example: str) -> None:
    encoders = {name: {"init_args": {"features": {"name": "mine"} if name == "audio" else None}} for name in names}
    found = card(tmp_path, recipe={"encoders": encoders})
    assert f"model.predict({example})" in found
    assert "Frames of audio must be made like those that it was trained on" in found


def test_vectors_have_none_of_these_metrics(tmp_path: Path) -> None:
    found = card(tmp_path, per_seed=[{"test": {"avg": 0.7}, "validation": {}, "last": {}}], median_score={})
    assert "metrics:" not in found
    assert "less is better" not in found
    assert "must beat" not in found
    assert "\n\n\n" not in found


def recipe_of(*objectives: str, target: str | None = None, encoders: tuple[str, ...] = ("text", "image")) -> dict[str, Any]:
    parts = [{"class_path": name, "init_args": {} if target is None else {"target": target}} for name in objectives]
    return {
        "encoders": {name: {"init_args": {}} for name in encoders},
        "objectives": {str(place): {"objective": part, "weight": 1.0} for place, part in enumerate(parts)},
    }


@pytest.mark.parametrize(
    ("recipe", "labels", "tags"),
    [
        (recipe_of("Classification", "ImageTextContrast"), ["a", "b"], ["sentiment-analysis", "multimodal"]),
        (recipe_of("Regression", encoders=("text",)), [], ["sentiment-analysis"]),
        (recipe_of("SoftAnswers"), ["no", "yes"], ["visual-question-answering", "multimodal"]),
        (recipe_of("Generation", target="text"), [], ["image-to-text", "multimodal"]),
        (recipe_of("Generation", target="pair", encoders=("text",)), [], ["text-generation"]),
        (recipe_of("SentenceContrast", encoders=("text",)), [], ["sentence-similarity"]),
        (recipe_of("CrossModalContrast", "MaskedRegion"), [], ["image-text-retrieval", "multimodal"]),
    ],
)
def test_the_tags_say_what_it_is_for(recipe: dict[str, Any], labels: list[str], tags: list[str]) -> None:
    assert tags_of({"recipe": recipe, "labels": labels}) == ["polysense", *tags]


def classes_card(folder: Path, results: list[dict[str, Any]], **more: Any) -> str:
    metrics = {"weighted_f1": 0.5}
    record = [{"seed": seed, "test": metrics, **one} for seed, one in enumerate(results)]
    return card(folder, labels=["a", "b"], seeds=list(range(len(results))), best_metric="weighted_f1", per_seed=record, **more)


THRESHOLDS = {"classification": {"thresholds": {"a": 0.4, "b": 0.6}}}


def test_what_choosing_gained_is_no_gain_of_the_thresholds(tmp_path: Path) -> None:
    """Where the last checkpoint was chosen, choosing gained nothing."""
    one = {"validation": {"weighted_f1": 0.75}, "last": {"weighted_f1": 0.59}, "best_step": 30, "last_step": 30}
    assert (
        "weighted_f1 is 0.5900 at the checkpoints that were chosen, which are the last ones; with the thresholds of the classes, "
        "fitted there afterwards, 0.7500.\n"
    ) in classes_card(tmp_path / "one", [one | {"settled": THRESHOLDS}])
    assert "weighted_f1 is 0.7500 at the checkpoints that were chosen, which are the last ones.\n" in classes_card(
        tmp_path / "two", [one | {"last": one["validation"]}]
    )


def test_an_earlier_checkpoint_is_looked_up_in_its_journal(tmp_path: Path) -> None:
    one = {
        "validation": {"weighted_f1": 0.75},
        "last": {"weighted_f1": 0.59},
        "best_step": 20,
        "last_step": 30,
        "settled": THRESHOLDS,
    }
    home = tmp_path / "noted" / "seed-0"
    home.mkdir(parents=True)
    lines = [{"step": 20, "metrics": {"weighted_f1": 0.65}}, {"step": 30, "metrics": {"weighted_f1": 0.59}}]
    (home / "evaluations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert (
        "weighted_f1 is 0.6500 at the checkpoints that were chosen and 0.5900 at the last ones; with the thresholds of the classes, "
        "fitted there afterwards, 0.7500.\n"
    ) in classes_card(tmp_path / "noted", [one])
    assert (
        "weighted_f1 is 0.5900 at the last checkpoints, and at those that were chosen, with the thresholds of the classes, fitted "
        "there afterwards, 0.7500.\n"
    ) in classes_card(tmp_path / "not", [one])
    plain = {name: value for name, value in one.items() if name != "settled"}
    assert "weighted_f1 is 0.7500 at the checkpoints that were chosen, as at the last ones.\n" in classes_card(
        tmp_path / "equal", [plain | {"last": one["validation"]}]
    )
    assert "weighted_f1 is 0.7500 at the checkpoints that were chosen and 0.5900 at the last ones.\n" in classes_card(
        tmp_path / "plain", [plain]
    )


def test_what_was_settled_afterwards_is_told_seed_by_seed(tmp_path: Path) -> None:
    one = {"validation": {"weighted_f1": 0.75}, "last": {"weighted_f1": 0.59}}
    settled = {"classification": {"temperature": 0.87, "thresholds": {"a": 0.4, "b": 0.6}}}
    said = "as `polysense calibrate` does it:\nseed 0: temperature 0.870; thresholds a 0.400, b 0.600.\n\n```sh"
    assert said in classes_card(tmp_path / "one", [one | {"settled": settled}])
    assert "calibrate" not in classes_card(tmp_path / "two", [one])


def test_one_answer_to_all_rows_is_warned_of(tmp_path: Path) -> None:
    home = tmp_path / "seed-0" / "predictions"
    home.mkdir(parents=True)
    rows = [{"id": str(number), "target": "ab"[number % 2], "label": "a"} for number in range(4)]
    (home / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    said = "**Warning: on test, seed 0 answers 'a' for all 4 rows: it tells none of them from another.**\n"
    assert said in card(tmp_path, labels=["a", "b"])
    assert "Warning" not in card(tmp_path / "clips")


def test_what_is_better_without_a_network_is_named(tmp_path: Path) -> None:
    found = card(tmp_path, references={"tfidf_ridge": {"metrics": {"MAE": 0.4}, "rows": 9}})
    assert (
        "**TF-IDF and ridge regression on the texts alone is better than this model: MAE 0.4000, the model 0.5000.**" in found
    )
    assert "is better than this model" not in card(tmp_path)
