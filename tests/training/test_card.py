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
    (folder / "seed-0" / "predictions").mkdir(parents=True)
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
