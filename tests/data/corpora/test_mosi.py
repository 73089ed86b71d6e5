"""CMU-MOSI under its two protocols; no trimodal row where the film's network saw the labels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from polysense.data.corpora.mosi import Mosi
from polysense.errors import DataError, RecipeError

HEADER = "id,video_id,clip_id,text,label,annotation,mode,mode_bclstm,mode_heldout"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rows = [
        f"v{video}_{clip},v{video},{clip},SOME WORDS {video} {clip},{video - 1.5},Positive,{mode},{seen},{heldout}"
        for video, (mode, seen, heldout) in enumerate(
            [("train", "train", ""), ("valid", "test", "train"), ("test", "test", "valid"), ("test", "train", "")]
        )
        for clip in range(2)
    ]
    (tmp_path / "label.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    ids = np.array([row.partition(",")[0] for row in rows])[::-1]
    numbers = np.arange(8, dtype=np.float32)[::-1, np.newaxis]
    np.savez(tmp_path / "audio_features.npz", id=ids, audio=np.repeat(numbers, 3, axis=1))
    np.savez(tmp_path / "leaky_text_video_features.npz", id=ids, text=numbers, video=np.repeat(-numbers, 2, axis=1))
    return tmp_path


def test_text_and_sound_on_the_standard_split(root: Path) -> None:
    table = Mosi().read(root)
    assert table.splits == {"train": 2, "validation": 2, "test": 4}
    assert all(sample.modalities == ("text", "audio") for sample in table.samples)
    row = table.samples[3]
    assert (row.id, row.text, row.score, row.label, row.group) == ("v1_1", "some words 1 1", -0.5, None, "v1")
    assert row.audio.read().tolist() == [[3.0] * 3]
    assert Mosi(lower=False).read(root).samples[3].text == "SOME WORDS 1 1"


def test_film_only_of_videos_that_its_network_never_saw(root: Path) -> None:
    table = Mosi(protocol="heldout").read(root)
    assert table.splits == {"train": 2, "validation": 2}
    assert {sample.group for sample in table.samples} == {"v1", "v2"}
    assert all(sample.modalities == ("text", "audio", "video") for sample in table.samples)
    assert table.samples[0].video.read().tolist() == [[-2.0, -2.0]]
    assert table.left_out == {"of videos that the vectors were trained on": 4}
    with pytest.raises(RecipeError, match="protocol: 'held' is not one; did you mean 'heldout'"):
        Mosi(protocol="held")  # type: ignore[arg-type]


def test_files_that_are_not_there_or_do_not_fit(root: Path) -> None:
    np.savez(root / "audio_features.npz", id=np.array(["a"]), audio=np.zeros((2, 3)))
    with pytest.raises(DataError, match="expected a vector of 'audio' for each id"):
        Mosi().read(root)
    np.savez(root / "audio_features.npz", id=np.array(["a"]), audio=np.array([["sound"]]))
    with pytest.raises(DataError, match="expected a vector of 'audio' for each id, found <U5"):
        Mosi().read(root)
    np.savez(root / "audio_features.npz", id=np.array(["a"]), audio=np.zeros((1, 3)))
    whole = (root / "audio_features.npz").read_bytes()
    for damaged in (whole[:-30], b"PK\x03\x04", whole.replace(b"audio.npy", b"video.npy")):
        (root / "audio_features.npz").write_bytes(damaged)
        with pytest.raises(DataError, match=r"audio_features\.npz cannot be read"):
            Mosi().read(root)
    (root / "audio_features.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"audio_features\.npz cannot be read"):
        Mosi().read(root)
    (root / "audio_features.npz").unlink()
    with pytest.raises(DataError, match=r"audio_features\.npz is not there; expected in the data folder: label\.csv"):
        Mosi().read(root)


def test_the_real_set() -> None:
    root = Path(os.environ.get("POLYSENSE_DATA", "")) / "mosi"
    if not (root / "label.csv").is_file():
        pytest.skip("POLYSENSE_DATA has no mosi")
    standard, heldout = Mosi().read(root.parent), Mosi(protocol="heldout").read(root)
    assert standard.splits == {"train": 1284, "validation": 229, "test": 686}
    assert heldout.splits == {"train": 431, "validation": 182, "test": 139}
    assert {one.audio.shape for one in standard.samples} == {(1, 73)}
    assert {one.video.shape for one in heldout.samples} == {(1, 100)}
    assert all(-3 <= one.score <= 3 for one in standard.samples)
