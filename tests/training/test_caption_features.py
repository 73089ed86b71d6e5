"""Captions and stored vectors through a whole training, and what is asked of the model afterwards."""

from __future__ import annotations

import json
import math
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from polysense.data.features import StoredVector
from polysense.errors import DataError
from polysense.inference.measure import Reading, measure
from polysense.inference.predictor import load
from polysense.training.run import train

WORDS = ("rain", "sun", "snow", "wind")
WIDTH = 5
ROWS = 32


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Captions of four words, each of whose vectors lie together."""
    folder = tmp_path / "data"
    folder.mkdir()
    drawn = np.random.default_rng(0)
    centres = drawn.standard_normal((len(WORDS), WIDTH))
    vectors = np.stack([centres[n % len(WORDS)] for n in range(ROWS)]) + 0.1 * drawn.standard_normal((ROWS, WIDTH))
    with h5py.File(folder / "features.hdf5", "w") as file:
        file.create_dataset("features", data=vectors.astype(np.float32))
    captions = [f"{WORDS[n % len(WORDS)]} on day {n}" for n in range(ROWS)]
    (folder / "captions.txt").write_text("\n".join(captions), encoding="utf-8")
    return folder


@pytest.fixture
def recipe(tmp_path: Path, tiny_text: str) -> Path:
    path = tmp_path / "recipe.yaml"
    written = {
        "encoders": {
            "text": {"class_path": "TransformerText", "init_args": {"pretrained": tiny_text}},
            "image": {"class_path": "StoredFeatures", "init_args": {"width": WIDTH}},
        },
        "fusion": "Single",
        "objectives": {
            "contrast": {"objective": "SentenceContrast", "weight": 1.0},
            "grounding": {"objective": {"class_path": "Grounding", "init_args": {"shared_width": 8}}, "weight": 1.0},
        },
        "corpora": [{"class_path": "CaptionFeatures", "init_args": {"validation": 8}}],
        "training": {
            "num_train_epochs": 2,
            "per_device_train_batch_size": 8,
            "learning_rate": 1.0e-3,
            "bf16": False,
        },
        "evaluation": {"evaluators": ["Losses", "Retrieval"], "best": "grounding_loss", "greater_is_better": False},
    }
    path.write_text(yaml.safe_dump(written), encoding="utf-8")
    return path


def test_a_whole_training(data: Path, recipe: Path, tmp_path: Path, cache_folder: Path) -> None:
    kept = sorted(cache_folder.rglob("*"))
    summary = train(str(recipe), data, out=tmp_path / "run")
    assert summary["data"]["splits"] == {"train": 24, "validation": 8, "test": 0}
    assert set(summary["data"]["digests"]) == {"captions.txt", "features.hdf5"}
    journal = [json.loads(line) for line in (tmp_path / "run" / "seed-0" / "journal.jsonl").read_text().splitlines()]
    assert len(journal) == 6
    assert all(set(step["terms"]) == {"contrast", "grounding"} for step in journal)
    scores = summary["per_seed"][0]["validation"]
    assert math.isfinite(scores["grounding_loss"])
    assert 0 <= scores["text_to_image_R@1"] <= 1
    assert sorted(cache_folder.rglob("*")) == kept
    again = train(str(recipe), data, out=tmp_path / "again", use_cache=False)
    assert again["per_seed"][0]["validation"] == scores

    model = load(tmp_path / "run")
    vectors = [StoredVector(data / "features.hdf5", row) for row in (3, 0)]
    rows = [{"text": "rain", "image": vector} for vector in vectors]
    assert model.encode(rows, part="image").tolist() == [vector.read().tolist() for vector in vectors]
    assert model.encode(["rain"]).shape == (1, 32)
    with pytest.raises(
        DataError, match=r"recipe\.yaml is a picture; the image encoder StoredFeatures reads vectors that are stored"
    ):
        model.encode([rows[0], {"image": tmp_path / "recipe.yaml"}], part="image")
    with pytest.raises(DataError, match="there is no row 100"):
        model.encode([rows[0], {"image": StoredVector(data / "features.hdf5", 99)}], part="image")
    measured = measure(tmp_path / "run", Reading(data=data, split="validation"))
    assert measured.per_seed[0]["metrics"] == pytest.approx(scores)
    model.save_pretrained(tmp_path / "saved")
    assert np.array_equal(load(tmp_path / "saved").encode(rows), model.encode(rows))


def test_another_width_is_refused_before_anything_is_written(data: Path, recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"features\.hdf5, row \d+ has 5 numbers, encoders\.image\.width is 2048"):
        train(str(recipe), data, out=tmp_path / "run", overrides=["encoders.image.width=2048"])
    assert not (tmp_path / "run").exists()


def test_a_bad_vector_stops_the_training_or_is_skipped(data: Path, recipe: Path, tmp_path: Path) -> None:
    with h5py.File(data / "features.hdf5", "r+") as file:
        file["features"][6, 1] = np.nan
    with pytest.raises(DataError, match=r"row 7 \(id 7\), image: .*features\.hdf5, row 7 holds NaN"):
        train(str(recipe), data, out=tmp_path / "run")
    summary = train(str(recipe), data, out=tmp_path / "run", skip_bad_rows=True)
    assert sum(summary["data"]["splits"].values()) == ROWS - 1
    assert len(summary["skipped_rows"]) == 1


@pytest.mark.parametrize("images", ["shuffled", "random"])
def test_the_controls_train_too(data: Path, recipe: Path, tmp_path: Path, images: str) -> None:
    summary = train(str(recipe), data, out=tmp_path / "run", overrides=[f"corpora.0.images={images}"])
    assert summary["recipe"]["corpora"][0]["init_args"]["images"] == images
    assert math.isfinite(summary["per_seed"][0]["validation"]["grounding_loss"])
