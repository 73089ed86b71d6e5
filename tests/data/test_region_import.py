"""Region files of UNIMO's release: read line by line, written as the frames that are read in the place of pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.made_regions import CLASSES, FEATURES, packed, picture, region_line, write

from polysense.data.corpora.captions import Captions
from polysense.data.corpora.pictures import Pictures
from polysense.data.frames import StoredFrames
from polysense.data.region_import import ImportedRegions, import_regions
from polysense.data.region_lines import LineFrames, Reading, read_pictures
from polysense.errors import DataError, RecipeError


def imported(file: Path, out: Path, **options: Any) -> ImportedRegions:
    return import_regions(file, out, **{"detector": "faster r-cnn", **options})


def test_each_picture_is_a_row_with_the_surest_regions_first(tmp_path: Path) -> None:
    first = picture(0) | {"probabilities": [[0.1, 0.5, 0.2, 0.2], [0.8, 0.1, 0.1, 0], [0, 0.3, 0.6, 0.1]]}
    file = write(tmp_path / "regions.tsv", region_line(**first), "", region_line(**picture(1, 2, height=50, width=90)))
    steps: list[tuple[int, int]] = []
    done = imported(file, tmp_path / "out", progress=lambda *step: steps.append(step))
    assert (done.rows, done.pictures, dict(done.with_frames), done.problems) == (2, 2, {"image": 2}, ())
    assert (done.features, done.classes) == (FEATURES, CLASSES)
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]
    rows = [json.loads(one) for one in (tmp_path / "out" / "posts.jsonl").read_text().splitlines()]
    assert rows == [
        {"id": "0.jpg", "image": "regions.safetensors#0", "width": 80, "height": 60},
        {"id": "1.jpg", "image": "regions.safetensors#1", "width": 90, "height": 50},
    ]
    frames = StoredFrames(tmp_path / "out" / "regions.safetensors", 0)
    order = [2, 0, 1]  # 0.6, 0.5, 0.1; with the background the second would be the surest
    found = frames.read()
    np.testing.assert_array_equal(found[:, :FEATURES], first["features"][order].astype(np.float32))
    np.testing.assert_array_equal(found[:, FEATURES:-4], np.asarray(first["probabilities"], np.float32)[order])
    np.testing.assert_allclose(found[:, -4:], first["boxes"][order] / [80, 60, 80, 60], atol=1e-6)
    assert frames.provenance is not None
    assert frames.provenance.identity == {
        "name": "regions of a file",
        "parameters": {"detector": "faster r-cnn", "features": 6, "classes": 4, "regions": 100, "background": "first"},
    }
    assert [one.id for one in Pictures("posts.jsonl").read(tmp_path / "out").samples] == [
        "regions.safetensors#0",
        "regions.safetensors#1",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"regions.tsv", "out"}
    with pytest.raises(RecipeError, match="exists and is not an empty folder"):
        imported(file, tmp_path / "out")


@pytest.mark.parametrize(("background", "order"), [("first", [1, 2, 0]), ("last", [0, 2, 1]), ("none", [1, 0, 2])])
def test_the_background_makes_nobody_sure(background: str, order: list[int], tmp_path: Path) -> None:
    made = picture(0) | {"probabilities": [[0.9, 0.1, 0, 0], [0, 0.05, 0, 0.95], [0.2, 0.8, 0, 0]]}
    imported(write(tmp_path / "r.tsv", region_line(**made)), tmp_path / "out", count=2, background=background)
    found = StoredFrames(tmp_path / "out" / "regions.safetensors", 0).read()
    np.testing.assert_array_equal(found[:, :FEATURES], made["features"][order[:2]].astype(np.float32))


def test_without_probabilities_the_first_are_kept(tmp_path: Path) -> None:
    made = picture(0)
    del made["probabilities"]
    done = imported(write(tmp_path / "r.tsv", region_line(**made)), tmp_path / "out", count=2)
    assert done.classes == 0
    found = StoredFrames(tmp_path / "out" / "regions.safetensors", 0).read()
    assert found.shape == (2, FEATURES + 4)
    np.testing.assert_array_equal(found[:, :FEATURES], made["features"][:2].astype(np.float32))


def test_rows_of_a_table_name_pictures(tmp_path: Path) -> None:
    file = write(
        tmp_path / "r.tsv", *(region_line(**picture(seed)) for seed in range(3)), region_line(**picture(3) | {"name": "4"})
    )
    captions = [
        "words,photo,image",
        "a dog,2.jpg,x",
        "a cat,images/0.jpg,x",
        "the dog,2.jpg,x",
        "none,,x",
        "four,images/4.png,x",
    ]
    table = write(tmp_path / "captions.csv", *captions)
    done = imported(file, tmp_path / "out", table=table, columns={"text": "words", "image": "photo"})
    assert (done.rows, done.pictures, dict(done.with_frames)) == (5, 3, {"image": 4})
    rows = [json.loads(one) for one in (tmp_path / "out" / "posts.jsonl").read_text().splitlines()]
    assert [(row["text"], row["image"]) for row in rows] == [
        ("a dog", "regions.safetensors#0"),
        ("a cat", "regions.safetensors#1"),
        ("the dog", "regions.safetensors#0"),
        ("none", None),
        ("four", "regions.safetensors#2"),
    ]
    found = StoredFrames(tmp_path / "out" / "regions.safetensors", 1).read()
    assert set(found[:, 0].tolist()) == set(picture(0)["features"][:, 0].astype(np.float32).tolist())
    read = Captions(captions_per_image=None).read(tmp_path / "out")
    assert [one.text for one in read.samples] == ["a dog", "a cat", "the dog", "four"]


def test_rows_whose_picture_has_no_line_are_bad(tmp_path: Path) -> None:
    file = write(tmp_path / "r.tsv", region_line(**picture(0)), region_line(**picture(1) | {"width": 0}))
    table = write(tmp_path / "captions.csv", "id,text,image", "a,x,0.jpg", "b,y,1.jpg", "c,z,9.jpg")
    done = imported(file, tmp_path / "out", table=table)
    assert (done.rows, (tmp_path / "out").exists()) == (0, False)
    assert [(Path(one.file).name, one.row, one.id, one.field) for one in done.bad] == [
        ("r.tsv", 2, "1.jpg", "width"),
        ("captions.csv", 2, "b", "image"),
        ("captions.csv", 3, "c", "image"),
    ]
    assert "the region file has no sound line of '9.jpg'; names in it are like '0.jpg'" in done.bad[2].reason
    assert imported(file, tmp_path / "out", table=table, skip_bad_rows=True).rows == 1
    write(table, "text,image", "z,9.jpg")
    with pytest.raises(DataError, match="no row has regions"):
        imported(file, tmp_path / "other", table=table, skip_bad_rows=True)
    write(table, "text,picture", "z,9.jpg")
    with pytest.raises(DataError, match="has no column 'image'; name one with --columns image=COLUMN"):
        imported(file, tmp_path / "other", table=table)


ODD = picture(7)
NAN = np.where(np.arange(FEATURES) == 2, np.nan, ODD["features"])


@pytest.mark.parametrize(
    ("cells", "field", "reason"),
    [
        ({"name": ""}, "name", "is empty"),
        ({"name": "../7.jpg"}, "name", "leaves the folder of the pictures"),
        ({"name": "/data/7.jpg"}, "name", "leaves the folder of the pictures"),
        ({"name": "C:\\7.jpg"}, "name", "leaves the folder of the pictures"),
        ({"name": "0.jpg"}, "name", "stands in row 1 too"),
        ({"height": "high"}, "height", "'high' is no number of pixels"),
        ({"height": 0}, "height", "'0' is no number of pixels above 0"),
        ({"width": "nan"}, "width", "'nan' is no number of pixels above 0"),
        ({"count": 0}, "count", "the picture has no region"),
        ({"count": -1}, "count", "'-1' is no number of regions"),
        ({"count": 4}, "boxes", "48 bytes are not the 32-bit floats of 4 regions, expected 64"),
        ({"count": "9" * 5000}, "count", "is no number of regions"),
        ({"boxes": ODD["boxes"][:, :3]}, "boxes", "36 bytes are not the 32-bit floats of 3 regions, expected 48"),
        ({"boxes": packed(ODD["boxes"])[:-3]}, "boxes", "is no base64"),
        ({"boxes": ODD["boxes"] * 2}, "boxes", "expected left, top, right, bottom in pixels of a picture 80 wide and 60 high"),
        ({"boxes": ODD["boxes"][:, [2, 3, 0, 1]]}, "boxes", "region 1: expected left, top, right, bottom"),
        ({"features": "#" + packed(ODD["features"])[1:]}, "features", "is no base64"),
        (
            {"features": packed(ODD["features"])[:-4]},
            "features",
            "69 bytes are not the 32-bit floats of 3 regions, expected a multiple of 12",
        ),
        ({"features": ""}, "features", "0 bytes"),
        ({"features": NAN}, "features", "region 1 holds NaN or infinite numbers"),
        ({"features": ODD["features"][:, :5]}, "features", "5 a region, those of row 1 have 6"),
        (
            {"probabilities": ODD["features"]},
            "probabilities",
            "region 1: probabilities of classes are not negative and sum to 1",
        ),
        ({"probabilities": ODD["probabilities"] / 2}, "probabilities", "0.5 as the sum"),
        ({"probabilities": ""}, "probabilities", "0 a region, those of row 1 have 4"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(cells: dict[str, Any], field: str, reason: str, tmp_path: Path) -> None:
    file = write(tmp_path / "r.tsv", region_line(**picture(0)), region_line(**{**ODD, **cells}), region_line(**picture(8)))
    done = imported(file, tmp_path / "out")
    assert done.rows == 0
    assert not (tmp_path / "out").exists()
    [bad] = done.bad
    assert (Path(bad.file).name, bad.row, bad.field) == ("r.tsv", 2, field)
    assert reason in bad.reason
    if field != "name":
        assert bad.id == "7.jpg"
    assert imported(file, tmp_path / "out", skip_bad_rows=True).rows == 2


@pytest.mark.parametrize("left", [*range(1, 7)])
def test_a_line_that_breaks_off_is_told(left: int, tmp_path: Path) -> None:
    cut = "\t".join(region_line(**ODD).split("\t")[:left])
    done = imported(write(tmp_path / "r.tsv", region_line(**picture(0)), cut), tmp_path / "out")
    [bad] = done.bad
    assert (bad.row, bad.id) == (2, "7.jpg")
    assert bad.field == ["height", "width", "count", "boxes", "features", "probabilities"][left - 1]
    assert ("found" in bad.reason) == (left < 6)


def test_boxes_are_cut_at_the_border_within_a_pixel(tmp_path: Path) -> None:
    made = picture(0, 1) | {"boxes": [[-0.5, 0, 80.5, 60]]}
    imported(write(tmp_path / "r.tsv", region_line(**made)), tmp_path / "out")
    assert StoredFrames(tmp_path / "out" / "regions.safetensors", 0).read()[0, -4:].tolist() == [0, 0, 1, 1]


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        imported(tmp_path / "none.tsv", tmp_path / "out")
    with pytest.raises(DataError, match="is empty"):
        imported(write(tmp_path / "r.tsv", ""), tmp_path / "out")
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 4)
    assert "name" in {bad.field for bad in imported(tmp_path / "binary", tmp_path / "out").bad}
    with pytest.raises(RecipeError, match="expected a number from 1 up, found 0"):
        imported(tmp_path / "binary", tmp_path / "out", count=0)
    with pytest.raises(RecipeError, match="background: 'frist'; did you mean 'first'"):
        imported(tmp_path / "binary", tmp_path / "out", background="frist")


def test_a_line_without_end_is_not_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polysense.data.region_lines.LONGEST", 500)
    with pytest.raises(DataError, match="row 1: the line has no end within 500 bytes"):
        imported(write(tmp_path / "r.tsv", "x" * 600), tmp_path / "out")


def test_lines_are_forgotten_and_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "r.tsv", region_line(**picture(0)), region_line(**picture(1)))
    first, second = (found for found, _ in read_pictures(Reading(file=file, count=2, background="first")))
    assert isinstance(first, LineFrames)
    assert isinstance(second, LineFrames)
    assert not any(isinstance(value, np.ndarray) for value in vars(second).values())
    assert second.read().shape == second.shape == (2, FEATURES + CLASSES + 4)
    assert first.key != second.key
    write(file, region_line(**picture(5)), region_line(**picture(1)))
    with pytest.raises(DataError, match="row 1: the file has changed while it was read"):
        first.read()
