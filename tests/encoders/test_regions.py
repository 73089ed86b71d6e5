"""The regions of pictures, computed before: named by a table in the place of pictures, and read by LXMERT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.made_colours import parts_of

from polysense.data.collate import Collate
from polysense.data.corpora.posts import Posts
from polysense.data.frames import Frames, Provenance, write_frames
from polysense.encoders.sequence_frames import SequenceFrames
from polysense.encoders.vision_image import VisionImage
from polysense.errors import DataError, RecipeError
from polysense.fusion.lxmert import Lxmert
from polysense.fusion.single_stream import SingleStream
from polysense.inference.predictor import Predictor
from polysense.recipe.recipe import Recipe, check_recipe
from polysense.training.saved import read_model, write_model
from polysense.types import Sample


@pytest.fixture
def table(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    made = [draw.random((regions, 10), dtype=np.float32) for regions in (3, 1, 4)]
    for regions in made:
        regions[:, 8:] = regions[:, 6:8] + (1 - regions[:, 6:8]) * regions[:, 8:]
    write_frames(tmp_path / "regions.safetensors", made, Provenance("a detector", {"regions": 4}))
    lines = ["text,image,label", *(f"a red box,regions.safetensors#{row},{label}" for row, label in enumerate("aba"))]
    (tmp_path / "posts.csv").write_text("\n".join(lines))
    return tmp_path / "posts.csv"


def rows(table: Path) -> list[Sample]:
    return list(Posts().read(table).samples)


def test_a_table_names_regions_in_the_place_of_pictures(table: Path) -> None:
    samples = rows(table)
    assert all(isinstance(sample.image, Frames) for sample in samples)
    made = SequenceFrames(**SequenceFrames.complete({"modality": "image", "frame_width": None, "features": None}, samples))
    states, mask, _ = made.encode(made.prepare(samples))
    assert made.modality == "image"
    assert states.shape == (3, 4, 10)
    assert mask.sum(dim=1).tolist() == [3, 1, 4]


def test_an_encoder_of_pictures_says_what_reads_them(table: Path, networks: Path) -> None:
    with pytest.raises(
        DataError, match="holds the regions of a picture and no picture; the image encoder SequenceFrames reads them"
    ):
        VisionImage(str(networks / "vit")).prepare(rows(table))


def test_lxmert_reads_them_and_is_saved_with_what_made_them(table: Path, networks: Path, tmp_path: Path) -> None:
    raw = parts_of("Lxmert", networks, boxes="states")
    raw["encoders"]["image"] = {"class_path": "SequenceFrames", "init_args": {"modality": "image"}}
    raw["objectives"] = {"classification": "Classification", "matching": "ImageTextMatching"}
    raw["evaluation"] = {"evaluators": ["ClassificationReport"], "best": "weighted_f1"}
    samples = rows(table)
    recipe = check_recipe("regions", raw, None).complete(samples)
    learner = recipe.build(seed=0)
    learner(**Collate(dict(learner.model.encoders.items()), learner.preparers)(samples))["loss"].backward()
    fusion = learner.model.fusion
    assert isinstance(fusion, Lxmert)
    assert fusion.features == 6
    write_model(tmp_path / "model", recipe, learner.eval())
    _, again = read_model(tmp_path / "model")
    for before, after in zip(learner.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(before, after)
    answers = Predictor.from_pretrained(tmp_path / "model").predict(samples)
    assert [0 <= answer["match"] <= 1 for answer in answers] == [True] * 3


BOX = [0.1, 0.2, 0.5, 0.6]
CHANCES = [0.2, 0.8]


def recipe_of_two(
    networks: Path, folder: Path, regions: list[list[float]], *, fusion: str, **arguments: Any
) -> tuple[Recipe, list[Sample]]:
    """A model of one sound picture, and one with these regions."""
    sound = np.array([[*[0.5] * 4, *CHANCES, *BOX]], np.float32)
    write_frames(folder / "made.safetensors", [sound, np.array(regions, np.float32)], Provenance("a detector"))
    (folder / "made.csv").write_text("id,text,image,label\nx,a,made.safetensors#0,a\ny,b,made.safetensors#1,b\n")
    samples = rows(folder / "made.csv")
    raw = parts_of(fusion, networks, boxes="states", **arguments)
    raw["encoders"]["image"] = {"class_path": "SequenceFrames", "init_args": {"modality": "image"}}
    raw["objectives"] = {"classification": "Classification"}
    raw["evaluation"] = {"evaluators": ["ClassificationReport"], "best": "weighted_f1"}
    return check_recipe("regions", raw, None).complete(samples), samples


@pytest.mark.parametrize("fusion", ["Lxmert", "SingleStream"])
@pytest.mark.parametrize(
    "box",
    [[12, 40, 300, 200], [0.1, 0.2, 0.5, 1.2], [-0.1, 0.2, 0.5, 0.6], [0.5, 0.2, 0.2, 0.6], [0.1, 0.5, 0.4, 0.3]],
    ids=["pixels", "beyond", "before", "left of its left", "above its top"],
)
def test_boxes_that_are_no_fractions_are_refused_with_the_picture(
    box: list[float], fusion: str, networks: Path, tmp_path: Path
) -> None:
    recipe, samples = recipe_of_two(networks, tmp_path, [[0.5] * 6 + BOX, [0.5] * 6 + box], fusion=fusion)
    encoder = recipe.build(seed=0).model.encoder("image")
    encoder.prepare(samples[:1])
    with pytest.raises(
        DataError, match=r"row 2, image: .*made\.safetensors#1, region 2: its last 4 numbers are a box: .* found "
    ):
        encoder.prepare(samples)


def test_a_row_of_another_layout_is_told_and_the_others_are_answered(networks: Path, tmp_path: Path) -> None:
    recipe, samples = recipe_of_two(networks, tmp_path, [[0.5] * 6 + [12, 40, 300, 200]], fusion="Lxmert")
    sound, bad = Predictor(recipe, recipe.build(seed=0)).predict(samples)
    assert "label" in sound
    assert "region 1: its last 4 numbers are a box" in bad["error"]


@pytest.mark.parametrize(
    ("chances", "found"),
    [([0.5, 0.8], "0.5 as the least and 1.3 as the sum"), ([-0.2, 1.2], "-0.2 as the least and 1 as the sum")],
    ids=["sum", "negative"],
)
def test_features_are_not_taken_for_probabilities(chances: list[float], found: str, networks: Path, tmp_path: Path) -> None:
    regions = [[*[0.5] * 4, *CHANCES, *BOX], [*[0.5] * 4, *chances, *BOX]]
    recipe, samples = recipe_of_two(networks, tmp_path, regions, fusion="SingleStream", classes=2)
    fusion = recipe.build(seed=0).model.fusion
    assert isinstance(fusion, SingleStream)
    assert fusion.features == 4
    encoder = recipe.build(seed=0).model.encoder("image")
    encoder.prepare(samples[:1])
    with pytest.raises(
        DataError, match=f"row 2, image: .*#1, region 2: probabilities .* {found}; they are the 2 numbers before the box"
    ):
        encoder.prepare(samples)
    without, samples = recipe_of_two(networks, tmp_path, regions, fusion="SingleStream")
    without.build(seed=0).model.encoder("image").prepare(samples)


def test_rounding_is_no_fault(networks: Path, tmp_path: Path) -> None:
    box, chances = [-0.0005, 0.2, 1.0005, 0.2], [0.501, 0.503]
    recipe, samples = recipe_of_two(networks, tmp_path, [[0.5] * 4 + chances + box], fusion="SingleStream", classes=2)
    assert recipe.build(seed=0).model.encoder("image").prepare(samples)["lengths"].tolist() == [1, 1]


def test_numbers_that_are_read_as_boxes_are_not_standardised(table: Path, networks: Path) -> None:
    raw = parts_of("Lxmert", networks, boxes="states")
    raw["encoders"]["image"] = {"class_path": "SequenceFrames", "init_args": {"modality": "image", "standardize": True}}
    raw["objectives"] = {"classification": "Classification"}
    raw["evaluation"] = {"evaluators": ["ClassificationReport"], "best": "weighted_f1"}
    with pytest.raises(RecipeError, match=r"encoders\.image\.standardize: the fusion reads boxes"):
        check_recipe("regions", raw, None).complete(rows(table)).build(seed=0)
