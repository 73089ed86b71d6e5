"""Regions of pictures by detectors of the DETR kind, as tiny networks of random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.made_colours import parts_of
from transformers import (
    RTDetrImageProcessorPil,
    RTDetrResNetConfig,
    RTDetrV2Config,
    RTDetrV2ForObjectDetection,
)

from polysense.data.corpora.posts import Posts
from polysense.data.frames import StoredFrames
from polysense.data.media import Picture
from polysense.data.regions import RegionLayout
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError
from polysense.inference.extraction.making import remade
from polysense.inference.extraction.region_table import extract_regions
from polysense.inference.extraction.regions import Regions
from polysense.inference.predictor import Predictor
from polysense.recipe.recipe import check_recipe


@pytest.fixture(scope="module")
def real_time(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("rt_detr")
    backbone = RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrV2Config(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 16, 16],
        encoder_layers=1,
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=6,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=2,
        decoder_attention_heads=2,
        num_labels=3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        RTDetrV2ForObjectDetection(config).save_pretrained(folder)
    RTDetrImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return str(folder)


def test_a_real_time_detector_has_no_class_for_nothing(real_time: str) -> None:
    made = Regions(real_time, count=4)
    assert made.model.config.num_labels == 3
    found = made.extract(picture(0))
    assert found.shape == (4, 20)
    with torch.inference_mode():
        output = made.model(**made.processor(images=picture(0), return_tensors="pt"))
    surest = int(output.logits[0].amax(dim=-1).argmax())
    np.testing.assert_allclose(found[0, :16], output.last_hidden_state[0, surest].numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_probabilities_of_classes_stand_before_the_box(kind: str, tiny_detr: str, real_time: str) -> None:
    folder = tiny_detr if kind == "softmax" else real_time
    plain, made = Regions(folder, count=4), Regions(folder, count=4, classes=True)
    without, found = plain.extract(picture(0)), made.extract(picture(0))
    assert found.shape == (4, 16 + 3 + 4)
    np.testing.assert_array_equal(np.delete(found, range(16, 19), axis=1), without)
    assert RegionLayout(classes=3).fault(found) is None
    with torch.inference_mode():
        output = made.model(**made.processor(images=picture(0), return_tensors="pt"))
    place = int((output.last_hidden_state[0, :, 0] - float(found[0, 0])).abs().argmin())
    logits = output.logits[0, place].double()
    by_hand = logits.softmax(dim=0)[:3] if kind == "softmax" else logits.sigmoid()
    np.testing.assert_allclose(found[0, 16:19], (by_hand / by_hand.sum()).numpy(), atol=1e-5)
    assert made.provenance.identity["parameters"] == {**plain.provenance.identity["parameters"], "classes": 3}
    np.testing.assert_array_equal(remade(made.provenance.identity).extract(Picture.of(picture(0))), found)


def picture(red: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(red).integers(0, 255, (24, 40, 3), dtype=np.uint8))


def posts(folder: Path, *more: str) -> Table:
    for row in range(3):
        picture(row).save(folder / f"{row}.png")
    (folder / "bad.png").write_bytes(b"no picture")
    lines = ["id,text,image,label,mood", "a,so good,0.png,x,glad", "b,so bad,,y,", "c,hm,1.png,x,", *more]
    (folder / "posts.csv").write_text("\n".join(lines), "utf-8")
    return Posts().read(folder / "posts.csv")


def test_a_table_has_the_surest_queries_in_the_place_of_its_pictures(tiny_detr: str, tmp_path: Path) -> None:
    made = Regions(tiny_detr, count=4)
    done = extract_regions(posts(tmp_path), tmp_path / "out", made)
    assert (done.rows, dict(done.with_frames), done.problems) == (3, {"image": 2}, ())
    again = Posts().read(tmp_path / "out")
    assert again.split_made, "splits that were drawn are not written"
    found = {sample.id: sample for sample in again.samples}
    assert (found["a"].text, found["a"].label, found["a"].extra) == ("so good", "x", {"mood": "glad"})
    assert found["b"].image is None
    for name, number in (("a", 0), ("c", 1)):
        image = found[name].image
        assert isinstance(image, StoredFrames)
        regions = image.read()
        np.testing.assert_array_equal(regions, made.extract(tmp_path / f"{number}.png"))
        assert regions.shape == (4, 20)
        assert regions[:, 16:].min() >= 0
        assert regions[:, 16:].max() <= 1
        assert (regions[:, 18:] >= regions[:, 16:18]).all()
        assert image.provenance is not None
        assert image.provenance.identity == made.provenance.identity
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == set(), "nothing else is left behind"


def test_bad_pictures_are_told_row_by_row(tiny_detr: str, tmp_path: Path) -> None:
    table = posts(tmp_path, "d,x,bad.png,y,", "e,x,none.png,y,")
    made, out = Regions(tiny_detr, count=2), tmp_path / "out"
    done = extract_regions(table, out, made)
    assert (done.rows, out.exists()) == (0, False)
    assert [(one.row, one.id, one.field) for one in done.bad] == [(4, "d", "image"), (5, "e", "image")]
    assert "bad.png is not a picture" in done.bad[0].reason
    assert extract_regions(table, out, made, skip_bad_rows=True).rows == 3
    with pytest.raises(RecipeError, match="exists and is not an empty folder"):
        extract_regions(table, out, made)
    for row in (0, 1):
        (tmp_path / f"{row}.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="no row has a picture that can be used"):
        extract_regions(table, tmp_path / "other", made, skip_bad_rows=True)


def test_regions_are_made_again_from_their_record(tiny_detr: str) -> None:
    made = Regions(tiny_detr, count=3)
    again = remade(made.provenance.identity)
    np.testing.assert_array_equal(again.extract(Picture.of(picture(5))), made.extract(Picture.of(picture(5))))
    assert made.provenance.identity != Regions(tiny_detr, count=4).provenance.identity


def test_a_model_of_regions_answers_for_pictures(tiny_detr: str, networks: Path, tmp_path: Path) -> None:
    raw = parts_of("Lxmert", networks, boxes="states")
    raw["encoders"]["image"] = {"class_path": "SequenceFrames", "init_args": {"modality": "image"}}
    raw["objectives"] = {"classification": "Classification"}
    raw["evaluation"] = {"evaluators": ["ClassificationReport"], "best": "weighted_f1"}
    extract_regions(posts(tmp_path), tmp_path / "out", Regions(tiny_detr, count=4))
    samples = list(Posts().read(tmp_path / "out").samples)
    recipe = check_recipe("regions", raw, None).complete(samples)
    model = Predictor(recipe, recipe.build(seed=0))
    by_regions, *by_picture, bad = model.predict(
        [
            samples[0],
            {"text": "so good", "image": tmp_path / "0.png"},
            {"text": "so good", "image": picture(0)},
            {"text": "so good", "image": tmp_path / "bad.png"},
        ]
    )
    for one in by_picture:
        assert one["probabilities"] == pytest.approx(by_regions["probabilities"], abs=1e-5)
    assert "bad.png is not a picture" in bad["error"]


def test_detectors_of_another_kind_are_refused(tiny_detector: str) -> None:
    with pytest.raises(RecipeError, match="gives 20 states for 3 boxes: it is of another kind than DETR"):
        Regions(tiny_detector).extract(Picture.of(picture(0)))


def test_fewer_regions_are_the_first_of_more(tiny_detr: str) -> None:
    few, many = (
        Regions(tiny_detr, count=2).extract(picture(3)),
        Regions(tiny_detr, count=36).extract(picture(3)),
    )
    assert many.shape == (6, 20)
    np.testing.assert_array_equal(many[:2], few)


def test_what_is_no_detector_is_refused(tmp_path: Path, tiny_detr: str) -> None:
    with pytest.raises(RecipeError, match=r"the object detector '.*' cannot be loaded"):
        Regions(str(tmp_path))
    with pytest.raises(RecipeError, match="regions: expected a number from 1 up, found 0"):
        Regions(tiny_detr, count=0)
