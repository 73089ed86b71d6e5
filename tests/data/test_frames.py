"""Sequences of frames: lazily read, equal where their numbers are, and with the record of what made them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from polysense.data.frames import HeldFrames, Provenance, StoredFrames, clip_count, write_frames
from polysense.data.media import content_key
from polysense.data.splits import linked
from polysense.data.table import from_rows, read_table
from polysense.errors import DataError
from polysense.types import Sample

MEL = Provenance("mel", {"bins": 3, "hop": 160, "window": [400, 0.5]}, {"torch": "2.13"})
CLIPS = [np.random.default_rng(length).standard_normal((length, 3)).astype(np.float32) for length in (4, 1, 7)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write_frames(tmp_path / "audio.safetensors", CLIPS, MEL)
    return tmp_path / "audio.safetensors"


def test_clips_are_read_as_they_were_written(store: Path) -> None:
    assert clip_count(store) == 3
    for number, clip in enumerate(CLIPS):
        frames = StoredFrames(store, number)
        assert frames.shape == clip.shape
        assert frames.read().dtype == np.float32
        assert np.array_equal(frames.read(), clip)
        assert frames.provenance == MEL
    assert [path.name for path in store.parent.iterdir()] == ["audio.safetensors"]


def test_a_numpy_file_is_one_sequence(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", CLIPS[2].astype(np.float64))
    frames = StoredFrames(tmp_path / "one.npy")
    assert frames.shape == (7, 3)
    assert np.array_equal(frames.read(), CLIPS[2])
    assert frames.provenance is None
    with pytest.raises(DataError, match=r"one\.npy is one sequence, there is no one\.npy#1"):
        StoredFrames(tmp_path / "one.npy", 1).read()


def test_equal_numbers_are_equal_content_wherever_they_are(store: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", CLIPS[1])
    keys = {content_key(one) for one in (StoredFrames(store, 1), StoredFrames(tmp_path / "one.npy"), HeldFrames(CLIPS[1]))}
    assert len(keys) == 1
    assert content_key(StoredFrames(store, 0)) not in keys
    assert content_key(HeldFrames(CLIPS[1].reshape(3, 1))) not in keys
    rows = [Sample(id=str(n), audio=StoredFrames(store, n % 2)) for n in range(3)]
    assert linked(rows) == [0, 1, 0]


def test_a_file_that_has_changed_is_read_again(store: Path) -> None:
    frames = StoredFrames(store, 0)
    before = frames.key
    write_frames(store, [-clip for clip in CLIPS], MEL)
    os.utime(store, ns=(1, 1))
    assert frames.key != before
    assert np.array_equal(frames.read(), -CLIPS[0])


def test_what_is_not_finite_is_named_by_clip_and_frame(store: Path) -> None:
    clip = CLIPS[2].copy()
    clip[4, 1] = np.nan
    write_frames(store, [CLIPS[0], clip], MEL)
    with pytest.raises(DataError, match=r"audio\.safetensors#1: frame 5 holds NaN or infinite numbers"):
        StoredFrames(store, 1).read()
    assert np.isfinite(StoredFrames(store, 0).read()).all()
    with pytest.raises(DataError, match="the sequence has no frames"):
        HeldFrames(np.zeros((0, 3), np.float32)).read()


def test_clips_that_are_not_there(store: Path) -> None:
    with pytest.raises(DataError, match=r"holds 3 sequences, there is no audio\.safetensors#3"):
        StoredFrames(store, 3).read()
    with pytest.raises(DataError, match=r"holds 3 sequences; name one: audio\.safetensors#0"):
        assert StoredFrames(store).shape


def test_sequences_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.safetensors#1 has no frames"):
        write_frames(tmp_path / "x.safetensors", [CLIPS[0], CLIPS[0][:0]], MEL)
    with pytest.raises(DataError, match=r"sequences of one width, found \[2, 3\]"):
        write_frames(tmp_path / "x.safetensors", [CLIPS[0], CLIPS[0][:, :2]], MEL)
    with pytest.raises(DataError, match="found none"):
        write_frames(tmp_path / "x.safetensors", [], MEL)


def test_other_files_are_refused(store: Path, tmp_path: Path) -> None:
    other = tmp_path / "weights.safetensors"
    save_file({"layer": CLIPS[0]}, other)
    with pytest.raises(DataError, match=r"weights\.safetensors is no file of sequences: it holds layer"):
        clip_count(other)
    save_file({"frames": CLIPS[0], "offsets": np.array([0, 3])}, other)
    with pytest.raises(DataError, match="its offsets do not fit its 4 frames"):
        clip_count(other)
    store.write_bytes(store.read_bytes()[:-8])
    with pytest.raises(DataError, match=r"audio\.safetensors cannot be read"):
        clip_count(store)
    np.save(tmp_path / "flat.npy", np.zeros(3, np.float32))
    with pytest.raises(DataError, match=r"flat\.npy holds float32 \(3,\); expected floating-point \(time, width\)"):
        StoredFrames(tmp_path / "flat.npy").read()
    (tmp_path / "a.csv").write_text("x")
    np.save(tmp_path / "obj.npy", np.array([CLIPS[0], CLIPS[1]], dtype=object), allow_pickle=True)
    with pytest.raises(
        DataError, match=r"obj\.npy holds no array of numbers; expected floating-point \(time, width\), one sequence$"
    ):
        StoredFrames(tmp_path / "obj.npy").read()
    with pytest.raises(DataError, match=r"a\.csv is no file of sequences; they end in \.safetensors, \.npy"):
        StoredFrames(tmp_path / "a.csv").read()
    with pytest.raises(DataError, match="No such file"):
        StoredFrames(tmp_path / "b.npy").read()


@pytest.mark.parametrize(
    ("offsets", "frames", "provenance", "message"),
    [
        (np.zeros(0, np.int64), CLIPS[0], None, r"expected offsets \(clips \+ 1\) of int64, found \[0\]"),
        (np.array(3), CLIPS[0], None, r"found \[\] of I64"),
        (np.array([0.0, 4.0]), CLIPS[0], None, r"found \[2\] of F64"),
        (np.array([0, 4]), CLIPS[0][:, :0], None, "expected floating-point frames"),
        (np.array([0, 4]), CLIPS[0], '{"name": "mel", "parameters": [1]}', "parameters and versions of a provenance"),
    ],
)
def test_files_of_sequences_that_others_wrote_wrongly_are_refused(
    offsets: np.ndarray, frames: np.ndarray, provenance: str | None, message: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.safetensors"
    metadata = {} if provenance is None else {"provenance": provenance}
    save_file({"frames": np.ascontiguousarray(frames), "offsets": offsets}, other, metadata=metadata)
    with pytest.raises(DataError, match=rf"other\.safetensors.*{message}"):
        StoredFrames(other, 0).read()


def test_provenance_is_kept_and_compared_without_versions() -> None:
    assert Provenance.of(MEL.to_json()) == MEL
    assert MEL.identity == Provenance("mel", MEL.parameters, {"torch": "3"}).identity
    assert MEL.identity != Provenance("mel", {**MEL.parameters, "bins": 4}).identity
    with pytest.raises(ValueError, match="a JSON object with a name"):
        Provenance.of("[]")


def test_a_table_names_them(store: Path) -> None:
    np.save(store.with_name("film.npy"), CLIPS[0])
    store.with_name("clips.csv").write_text(
        "id,text,audio,video,score,score_text,score_audio\n"
        "a,fine,audio.safetensors#2,film.npy,0.5,-1,\n"
        "b,fine too,audio.safetensors#3,,1,,2\n"
        "c,,audio.safetensors,,1,,\n"
        "d,good,,missing.npy,1,,\n"
        "e,good,,,1,much,\n"
    )
    table = read_table(store.parent, split_seed=None)
    assert [one.id for one in table.samples] == ["a"]
    [row] = table.samples
    assert row.audio == StoredFrames(store, 2)
    assert row.video == StoredFrames(store.with_name("film.npy"))
    assert row.score == 0.5
    assert row.scores == {"text": -1.0}
    assert [str(one).partition(", ")[2] for one in table.problems][2:] == [
        f"row 4 (id d), video: {store.parent}/missing.npy does not exist",
        "row 5 (id e), score_text: 'much' is not a number",
    ]
    assert "there is no audio.safetensors#3" in table.problems[0].reason
    assert "name one: audio.safetensors#0" in table.problems[1].reason
    table.require(["score_text", "audio"])
    with pytest.raises(DataError, match="the column 'score_audio' is empty in every row"):
        table.require(["score_audio"])


def test_rows_in_python_may_hold_arrays(store: Path) -> None:
    table = from_rows(
        [
            {"audio": CLIPS[0], "video": StoredFrames(store, 1)},
            {"audio": np.zeros((2, 2), np.int64), "text": "x"},
            {"audio": np.float32(3), "text": "x"},
        ],
        split_seed=None,
    )
    [row] = table.samples
    assert np.array_equal(row.audio.read(), CLIPS[0])
    assert row.modalities == ("audio", "video")
    assert [one.reason for one in table.problems] == [
        "frames are floating-point numbers (time, width), this is int64 (2, 2)",
        "frames are floating-point numbers (time, width), this is float32 ()",
    ]
