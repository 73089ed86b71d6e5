"""The regions of pictures, computed before: named by a table in the place of pictures, and read by LXMERT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.made_colours import parts_of

from polysense.data.collate import Collate
from polysense.data.corpora.posts import Posts
from polysense.data.frames import Frames, Provenance, write_frames
from polysense.encoders.sequence_frames import SequenceFrames
from polysense.encoders.vision_image import VisionImage
from polysense.errors import DataError
from polysense.fusion.lxmert import Lxmert
from polysense.inference.predictor import Predictor
from polysense.recipe.recipe import check_recipe
from polysense.training.saved import read_model, write_model
from polysense.types import Sample


@pytest.fixture
def table(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    made = [draw.random((regions, 10), dtype=np.float32) for regions in (3, 1, 4)]
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
