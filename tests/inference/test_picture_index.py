"""The vectors of pictures on disk: encoded once, by content, made again where they are damaged, gone on with after a kill."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from polysense.data.media import Picture
from polysense.data.picture_folder import holds_pictures, picture_folder
from polysense.errors import DataError
from polysense.inference import picture_index
from polysense.inference.picture_index import PictureIndex
from polysense.types import Sample


class Encoder:
    """Vectors from the first pixel; remembers what it was asked."""

    def __init__(self, *, killed_after: int | None = None) -> None:
        self.asked: list[str] = []
        self.killed_after = killed_after

    def __call__(self, samples: Sequence[Sample], progress: Any) -> tuple[np.ndarray, dict[int, str]]:
        if self.killed_after is not None and len(self.asked) >= self.killed_after:
            raise KeyboardInterrupt
        vectors, faults = np.zeros((len(samples), 3), dtype=np.float32), {}
        for place, sample in enumerate(samples):
            self.asked.append(sample.id)
            try:
                with Image.open(sample.image) as image:
                    vectors[place] = image.convert("RGB").getpixel((0, 0))
            except OSError:
                faults[place] = "image: no picture"
        progress(len(samples), len(samples))
        return vectors, faults


def paint(folder: Path, name: str, colour: int) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (colour, 2 * colour, 0)).save(folder / name)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for number in range(7):
        paint(folder, f"{number}.png", number)
    paint(folder, "more/7.png", 7)
    return folder


def indexed(pictures: Path, index: Path, **choices: Any) -> tuple[dict[str, list[float]], list[str]]:
    """The vectors by name, and what was encoded."""
    samples, encoder = picture_folder(pictures).samples, Encoder(**choices)
    found = PictureIndex(index, width=3).vectors(samples, encoder)
    assert found.encoded == len(encoder.asked) - len(found.faults)
    return {sample.id: vector.tolist() for sample, vector in zip(samples, found.vectors, strict=True)}, encoder.asked


def expected(names: Sequence[str]) -> dict[str, list[float]]:
    colours = [int(Path(name).stem) for name in names]
    return {name: [float(colour), 2.0 * colour, 0.0] for name, colour in zip(names, colours, strict=True)}


NAMES = [*(f"{number}.png" for number in range(7)), "more/7.png"]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_index, "BLOCK", 3)


def test_only_what_is_new_or_changed_is_encoded(pictures: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    assert indexed(pictures, index) == (expected(NAMES), NAMES)
    assert indexed(pictures, index) == (expected(NAMES), [])
    assert [file.name for file in sorted(index.iterdir())] == ["files.json", "vectors-000000.safetensors"]
    (pictures / "2.png").unlink()
    paint(pictures, "5.png", 55)
    paint(pictures, "9.png", 9)
    (pictures / "more/7.png").rename(pictures / "8.png")
    os.utime(pictures / "1.png", ns=(1, 1))
    found, asked = indexed(pictures, index)
    assert asked == ["5.png", "9.png"]
    assert found["5.png"] == [55.0, 110.0, 0.0]
    assert found["8.png"] == [7.0, 14.0, 0.0]
    kept = ["0.png", "1.png", "3.png", "4.png", "6.png", "9.png"]
    assert {name: found[name] for name in kept} == expected(kept)
    assert len(PictureIndex(index, width=3)) == len(found) == 8
    paint(pictures, "2.png", 2)
    assert indexed(pictures, index)[1] == ["2.png"]  # it was dropped


def test_it_says_how_far_it_is(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, list[tuple[int, int]]] = {}

    @contextmanager
    def noted(what: str, unit: str, *, quiet: bool = False) -> Iterator[Any]:
        assert unit == "pictures"
        if quiet:
            yield lambda done, total: pytest.fail("is told")
        else:
            yield lambda done, total: told.setdefault(what, []).append((done, total))

    monkeypatch.setattr(picture_index, "bar", noted)
    indexed(pictures, tmp_path / "index")
    looked = [(place, 8) for place in range(8)]
    assert told == {"looking for new pictures": looked, "encoding": [(3, 8), (6, 8), (8, 8)]}
    told.clear()
    indexed(pictures, tmp_path / "index")
    assert told == {"looking for new pictures": looked}


def test_a_file_that_is_as_before_is_not_read(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed(pictures, tmp_path / "index")
    monkeypatch.setattr(picture_index, "content_key", lambda picture: pytest.fail("was read"))
    assert indexed(pictures, tmp_path / "index") == (expected(NAMES), [])


def test_it_goes_on_after_a_kill(pictures: Path, tmp_path: Path) -> None:
    samples, index = picture_folder(pictures).samples, tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        PictureIndex(index, width=3).vectors(samples, Encoder(killed_after=6))
    assert indexed(pictures, index) == (expected(NAMES), NAMES[6:])


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "no files", "bad files"])
def test_what_is_damaged_is_made_again(pictures: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    index = tmp_path / "index"
    indexed(pictures, index)
    block, files = index / "vectors-000000.safetensors", index / "files.json"
    content = bytearray(block.read_bytes())
    if damage == "flip":
        content[-5] ^= 1
        block.write_bytes(content)
    elif damage in {"cut", "empty"}:
        block.write_bytes(content[:-7] if damage == "cut" else b"")
    elif damage == "no files":
        files.unlink()
    else:
        files.write_text("[1, 2")
    assert indexed(pictures, index) == (expected(NAMES), [] if "files" in damage else NAMES)
    assert ("is damaged" in capsys.readouterr().err) == ("files" not in damage)
    assert indexed(pictures, index)[1] == []


def test_a_bad_picture_is_told_of_and_looked_at_again(pictures: Path, tmp_path: Path) -> None:
    (pictures / "4.png").write_bytes(b"nothing of the kind")
    samples, index = picture_folder(pictures).samples, tmp_path / "index"
    for _ in range(2):
        encoder = Encoder()
        found = PictureIndex(index, width=3).vectors(samples, encoder)
        assert found.faults == {4: "image: no picture"}
        assert found.vectors[4].tolist() == [0.0] * 3
    assert encoder.asked == ["4.png"]


def test_equal_pictures_are_encoded_once_and_held_ones_by_their_pixels(tmp_path: Path) -> None:
    held = [Picture(Image.new("RGB", (2, 2), (colour, 0, 0))) for colour in (1, 2, 1)]
    samples = [Sample(id=str(number), image=picture) for number, picture in enumerate(held)]
    seen: list[str] = []

    def encode(some: Sequence[Sample], _: Any) -> tuple[np.ndarray, dict[int, str]]:
        seen.extend(one.id for one in some)
        return np.array([[float(one.id)] * 3 for one in some], dtype=np.float32), {}

    for _ in range(2):
        found = PictureIndex(tmp_path / "index", width=3).vectors(samples, encode)
        assert found.vectors[:, 0].tolist() == [0.0, 1.0, 0.0]
    assert seen == ["0", "1"]


def test_a_folder_that_cannot_be_written_is_told_of(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert indexed(pictures, tmp_path / "file/index") == (expected(NAMES), NAMES)
    assert capsys.readouterr().err.count("the index cannot be kept in") == 1


def test_a_folder_of_pictures_is_a_table(pictures: Path, tmp_path: Path) -> None:
    paint(pictures, ".hidden/1.png", 1)
    paint(pictures, ".2.png", 1)
    (pictures / "notes.txt").write_text("x")
    paint(tmp_path, "outside.png", 3)
    (pictures / "link.png").symlink_to(tmp_path / "outside.png")
    (pictures / "inside.png").symlink_to(pictures / "1.png")
    table = picture_folder(pictures)
    assert [sample.id for sample in table.samples] == sorted([*NAMES, "inside.png"])
    assert [(one.id, "leaves the data folder" in one.reason) for one in table.problems] == [("link.png", True)]
    assert holds_pictures(pictures)
    (pictures / "posts.csv").write_text("text,image\n")
    assert not holds_pictures(pictures)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        picture_folder(tmp_path / "none")
