"""Regions in the place of a folder of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from polysense.data.frames import Provenance, write_frames
from polysense.data.pictured import read_pictured
from polysense.errors import DataError

COLUMNS = {"id": "id", "image": "picture", "text": "text"}


def regions(folder: Path, names: list[str]) -> Path:
    """Of each picture one region, its number."""
    folder.mkdir()
    frames = [np.full((1, 5), number, np.float32) for number in range(len(names))]
    write_frames(folder / "regions.safetensors", frames, Provenance("made up"))
    lines = [json.dumps({"id": name, "image": f"regions.safetensors#{number}"}) for number, name in enumerate(names)]
    (folder / "posts.jsonl").write_text("\n".join(lines))
    return folder


def table(path: Path, *pictures: str) -> Path:
    path.write_text("\n".join(["id,picture,text", *(f"{row},{name},words" for row, name in enumerate(pictures))]))
    return path


def test_a_picture_is_found_by_its_name_with_and_without_folder_and_ending(tmp_path: Path) -> None:
    folder = regions(tmp_path / "regions", ["val/1.jpg", "1", "2.png", "a.b"])
    read = read_pictured(
        table(tmp_path / "posts.csv", "val/1.jpg", "1", "x/2.jpg", "2", "a.b", ""), columns=COLUMNS, pictures=folder
    )
    assert read.problems == ()
    assert [None if one.image is None else int(one.image.read()[0, 0]) for one in read.samples] == [0, 1, 2, 2, 3, None]
    assert all(one.extra == {} for one in read.samples)


def test_what_is_missing_or_twice_is_named(tmp_path: Path) -> None:
    path = table(tmp_path / "posts.csv", "1.jpg", "3.jpg")
    path.write_text(path.read_text() + "\n0,1.jpg,again")
    read = read_pictured(path, columns=COLUMNS, pictures=regions(tmp_path / "regions", ["1.jpg"]))
    assert [(one.row, one.id, one.field) for one in read.problems] == [(2, "1", "image"), (3, "0", "id")]
    assert "regions/posts.jsonl has no regions of '3.jpg'; did you mean '1.jpg'?" in read.problems[0].reason
    with pytest.raises(DataError, match=r"posts\.csv has no column 'words' \(for 'text'\); .*'text'"):
        read_pictured(path, columns={**COLUMNS, "text": "words"}, pictures=tmp_path / "regions")
