from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from made_benchmarks import write_sick
from polysense.cli.data import recognised
from polysense.data.corpora.coco_captions import CocoCaptions
from polysense.errors import DataError

PICTURES = 6


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """Three captions a picture, not in the pictures' order; numbers and names of pictures have nothing to do with each other."""
    folder = tmp_path / "coco"
    (folder / "train2014").mkdir(parents=True)
    images = [{"id": 100 - n, "file_name": f"COCO_train2014_{n:012d}.jpg", "height": 8} for n in range(PICTURES)]
    for n, image in enumerate(images):
        Image.new("RGB", (8, 8), (40 * n, 0, 0)).save(folder / "train2014" / str(image["file_name"]))
    notes = [
        {"id": 10 * n + k, "image_id": 100 - n, "caption": f"Photo {k} of\n{n}. "} for k in range(3) for n in range(PICTURES)
    ]
    write(folder, {"info": {}, "images": images, "annotations": notes})
    return folder


def write(folder: Path, content: dict[str, Any]) -> None:
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "annotations/captions_train2014.json").write_text(json.dumps(content), "utf-8")


def content(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "annotations/captions_train2014.json").read_text("utf-8"))
    return found


def test_a_caption_goes_to_the_picture_of_its_number(made_up: Path) -> None:
    table = CocoCaptions(captions_per_image=None).read(made_up.parent)
    assert table.splits == {"train": 3 * PICTURES}
    assert table.problems == ()
    for sample in table.samples:
        number = sample.text.split()[-1].removesuffix(".")  # type: ignore[union-attr]
        assert sample.image == made_up / "train2014" / f"COCO_train2014_{int(number):012d}.jpg"
    assert (table.samples[1].id, table.samples[1].text) == ("10", "Photo 0 of 1.")
    assert table.samples[7].origin.endswith("captions_train2014.json, row 8")
    assert recognised(made_up) == "CocoCaptions"


def test_one_caption_a_picture_is_drawn_by_the_seed_and_the_controls_work(made_up: Path) -> None:
    table = CocoCaptions().read(made_up)
    assert len({sample.group for sample in table.samples}) == len(table) == PICTURES
    assert CocoCaptions().read(made_up).samples == table.samples != CocoCaptions(seed=1).read(made_up).samples
    shuffled = CocoCaptions(images="shuffled").read(made_up)
    assert all(one.image != two.image for one, two in zip(table.samples, shuffled.samples, strict=True))
    assert len(CocoCaptions(pairs=2).read(made_up)) == 2
    assert CocoCaptions(captions_per_image=None, validation=3).read(made_up).splits == {"train": 15, "validation": 3}


def test_evaluation_sentences_are_left_out(made_up: Path) -> None:
    found = content(made_up)
    found["annotations"].append({"id": 99, "image_id": 100, "caption": "a RED bird !"})
    write(made_up, found)
    write_sick(made_up.parent)
    table = CocoCaptions(captions_per_image=None, exclude=["sick2014"]).read(made_up.parent)
    assert len(table) == 3 * PICTURES
    assert table.left_out == {"training rows that stand in sick2014": 1}


def test_what_is_wrong_is_named(made_up: Path) -> None:
    found = content(made_up)
    found["images"] += [{"id": 1, "file_name": "gone.jpg"}, {"id": 2, "file_name": "../x.jpg"}]
    wrong = [(7, "a"), (100, " \n"), (1, "a"), (2, "a")]
    found["annotations"] += [{"id": 90 + n, "image_id": one, "caption": text} for n, (one, text) in enumerate(wrong)]
    write(made_up, found)
    problems = CocoCaptions().read(made_up).problems
    assert [(one.row, one.id, one.field) for one in problems] == [
        (19, "90", "image_id"), (20, "91", "caption"), (21, "92", "image"), (22, "93", "image"),
    ]  # fmt: skip
    for broken in ({"images": []}, {"images": [], "annotations": {}}, {"images": [{"id": 1}], "annotations": []}):
        write(made_up, broken)
        with pytest.raises(DataError, match=r"captions_train2014\.json has no list"):
            CocoCaptions().read(made_up)
    (made_up / "annotations/captions_train2014.json").write_text("[1")
    with pytest.raises(DataError, match="is damaged: not JSON"):
        CocoCaptions().read(made_up)
    with pytest.raises(DataError, match="CocoCaptions"):
        CocoCaptions().read(made_up / "train2014")
