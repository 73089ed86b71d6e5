"""MMSA's pickles: what they hold is taken over, whatever wrote them; what is wrong is named by file, split and row; nothing is run."""

from __future__ import annotations

import copyreg
import io
import itertools
import json
import os
import pickle
import re
import struct
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from safetensors.numpy import load_file

from polysense.data import mmsa
from polysense.data.corpora.clips import Clips
from polysense.data.frames import StoredFrames
from polysense.data.media import file_digest
from polysense.data.mmsa import Release, convert_mmsa
from polysense.data.restricted_pickle import read_pickle
from polysense.data.verify import verify
from polysense.errors import DataError, RecipeError

COUNTS = {"train": 6, "valid": 3, "test": 4}
LENGTHS = {"audio": 7, "vision": 9}
WIDTHS = {"audio": 5, "vision": 20}


def made(*, aligned: bool = False, single: bool = False, seed: int = 0) -> dict[str, Any]:
    """A file in the layout of MOSI, or with ``single`` of SIMS; padding is full of large numbers."""
    draw = np.random.default_rng(seed)
    file: dict[str, Any] = {}
    for split, count in COUNTS.items():
        part: dict[str, Any] = {
            "raw_text": [f"words {split} {row}, é" for row in range(count)],
            "id": [f"{split}{row // 2}$_${row}" for row in range(count)],
            "text": draw.standard_normal((count, 8, 12)).astype(np.float32),
            "text_bert": np.zeros((count, 3, 8), np.float32),
            "annotations": ["Positive"] * count,
            "classification_labels": np.ones(count),
            "regression_labels": np.linspace(-1, 1, count).astype(np.float32),
        }
        for row in range(count):
            part["text_bert"][row, 1, : row + 2] = 1
        for key in ("audio", "vision"):
            longest = 8 if aligned else LENGTHS[key]
            part[key] = draw.standard_normal((count, longest, WIDTHS[key])).astype(np.float32)
            if not aligned:
                part[f"{key}_lengths"] = [1 + row % longest for row in range(count)]
            for row in range(count):
                part[key][row, row + 2 if aligned else 1 + row % longest :] = 1e30
        if single:
            part |= {f"regression_labels_{one}": part["regression_labels"] / 2 for one in "TAV"}
        file[split] = part
    return file


def written(folder: Path, data: Any, protocol: int = 4) -> Path:
    path = folder / "made.pkl"
    path.write_bytes(pickle.dumps(data, protocol))
    return path


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("single", [False, True])
def test_the_layouts_become_folders_of_clips(tmp_path: Path, aligned: bool, single: bool) -> None:
    data = made(aligned=aligned, single=single)
    data["config"] = {"anything": "else"}
    done = convert_mmsa(written(tmp_path, data), tmp_path / "out", score_range=(-1, 1))
    assert done.clips == {"train": 6, "validation": 3, "test": 4}
    assert done.widths == {"audio": 5, "video": 20}
    assert done.longest == ({"audio": 7, "video": 7} if aligned else {"audio": 6, "video": 6})
    assert done.changes == {}
    table = Clips().read(tmp_path / "out")
    assert table.splits == done.clips
    assert table.problems == ()
    row = table.samples[2]
    assert (row.id, row.text, row.group, row.split) == ("train1$_$2", "words train 2, é", "train1", "train")
    assert row.score == pytest.approx(float(data["train"]["regression_labels"][2]))
    assert row.extra == {"annotation": "Positive"}
    assert row.scores == ({name: pytest.approx(row.score / 2) for name in ("text", "audio", "video")} if single else {})
    assert np.array_equal(row.audio.read(), data["train"]["audio"][2, : 4 if aligned else 3])
    assert np.array_equal(row.video.read(), data["train"]["vision"][2, : 4 if aligned else 3])
    assert row.audio.provenance.name == "made"
    assert row.audio.provenance.identity != row.video.provenance.identity
    assert [one for one in verify(table) if one.severity == "bad"] == []
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("manifest.parquet", "clips.json", "audio.safetensors", "video.safetensors")
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_gives_the_same(tmp_path: Path, protocol: int) -> None:
    data = made()
    data["train"]["id"] = np.array(data["train"]["id"], dtype=object)
    data["train"]["raw_text"] = np.array(data["train"]["raw_text"])
    data["valid"]["regression_labels"] = [np.float64(1), np.float32(0.5), -1]
    data["test"] = OrderedDict(data["test"])
    data["test"]["audio"] = np.asfortranarray(data["test"]["audio"].astype(">f8"))
    convert_mmsa(written(tmp_path, data, protocol), tmp_path / "out")
    samples = Clips().read(tmp_path / "out").samples
    assert [one.id for one in samples[:6]] == list(data["train"]["id"])
    assert [one.text for one in samples[:6]] == data["train"]["raw_text"].tolist()
    assert [one.score for one in samples[6:9]] == [1, 0.5, -1]
    assert np.allclose(samples[9].audio.read(), data["test"]["audio"][0, :1])


@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
@pytest.mark.parametrize("protocol", [2, 5])
def test_names_of_old_and_new_numpy_are_read_without_warning(tmp_path: Path, core: str, protocol: int) -> None:
    path = tmp_path / "made.pkl"
    content = pickle.dumps([np.arange(3.0), np.float32(2), np.array(["x", "y"])], 2 if protocol == 2 else 5)
    other = "numpy._core" if core == "numpy.core" else "numpy.core"
    if protocol == 2:
        content = content.replace(other.encode(), core.encode())
    else:  # the names have their length before them
        for module in ("multiarray", "numeric"):
            before, after = (f"{one}.{module}".encode() for one in (other, core))
            content = content.replace(bytes([0x8C, len(before)]) + before, bytes([0x8C, len(after)]) + after)
        content = content.replace(content[2:11], b"", 1)  # the frame's length is another one
    path.write_bytes(content)
    assert core.encode() in content
    assert other.encode() not in content
    numbers, scalar, texts = read_pickle(path)
    assert numbers.tolist() == [0, 1, 2]
    assert (scalar, scalar.dtype) == (2, np.float32)
    assert texts.tolist() == ["x", "y"]


PYTHON2 = b"".join(
    [
        b"\x80\x02}q\x00(",
        b"U\x04textU\x06caf\xc3\xa9!",  # SHORT_BINSTRING, UTF-8
        b"U\x07numberscnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR",
        b"(K\x01(K\x02tcnumpy\ndtype\n(U\x02f8K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
        b"\x89U\x10" + np.array([1.5, -2.0]).tobytes() + b"tb",
        b"u.",
    ]
)


def test_files_of_python_2(tmp_path: Path) -> None:
    path = tmp_path / "old.pkl"
    path.write_bytes(PYTHON2)
    with pytest.raises(DataError, match=r"old\.pkl was written by Python 2: say so with --python2"):
        read_pickle(path)
    found = read_pickle(path, python2=True)
    assert found["text"] == "café!"
    assert found["numbers"].tolist() == [1.5, -2.0]


class Harmful:
    def __reduce__(self) -> Any:
        return os.system, ("touch harmed",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_pickle_that_names_anything_else_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    data = made()
    data["valid"]["extra"] = Harmful()
    with pytest.raises(DataError, match=r"made\.pkl names (posix|nt)\.system, which is refused: a pickle runs what it names"):
        convert_mmsa(written(tmp_path, data, protocol), tmp_path / "out")
    assert not (tmp_path / "harmed").exists()
    assert not (tmp_path / "out").exists()


def test_persistent_ids_and_extensions_are_refused(tmp_path: Path) -> None:
    class Persistent(pickle.Pickler):
        def persistent_id(self, value: Any) -> str | None:
            return "outside" if value == 3 else None

    stream = io.BytesIO()
    Persistent(stream, 4).dump([1, 3])
    (tmp_path / "made.pkl").write_bytes(stream.getvalue())
    with pytest.raises(DataError, match="names a persistent id, which is refused"):
        read_pickle(tmp_path / "made.pkl")
    copyreg.add_extension("posix", "getcwd", 247)
    try:
        with pytest.raises(DataError, match=r"names posix\.getcwd, which is refused"):
            read_pickle(written(tmp_path, os.getcwd, 2))
    finally:
        copyreg.remove_extension("posix", "getcwd", 247)


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\nndarray\n(J\xff\xff\xff\x7ft\x52.",  # an array of two gigabytes
        b"cnumpy.core.multiarray\n_reconstruct\n(ccollections\nOrderedDict\n(K\x00tU\x01btR.",
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00V8tR.",
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8tR(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR(K\x01(K\x01tcnumpy\ndtype\n(X\x02\x00\x00\x00O8tR"
        b"\x89C\x08\x01\x00\x00\x00\x00\x00\x00\x00tb.",  # bytes that would be read as an address
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR(K\x01(K\x09tcnumpy\ndtype\n(X\x02\x00\x00\x00f8tR"
        b"\x89C\x08\x01\x00\x00\x00\x00\x00\x00\x00tb.",  # more numbers than there are
        b"cnumpy.core.multiarray\n_reconstruct\n(N}X\x04\x00\x00\x00callK\x01s\x86b.",  # sets an attribute
        b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00utf-7tR.",
        b"]q\x00h\x00a.",  # a list that holds itself
        b"cnumpy\ndtype\n.",
        b"PK\x03\x04",
        b"text,id\nhello,h1\n",
    ],
)
def test_pickles_that_are_out_to_harm_or_damaged_are_errors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "made.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"made\.pkl is no pickle of arrays and texts, or damaged"):
        read_pickle(path)


def test_a_large_number_in_the_memo_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "memo.pkl"
    path.write_bytes(b"\x80\x02K\x07r" + struct.pack("<I", 1 << 25) + b".")  # LONG_BINPUT
    tracemalloc.start()
    try:
        assert read_pickle(path) == 7
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000, f"{most:,} bytes: an array of all memos would have 500 million"


@pytest.mark.parametrize("state", [b"]K\x01a", b"N}X\x05\x00\x00\x00_callK\x01s\x86", b"}X\x05\x00\x00\x00_callK\x01s"])
@pytest.mark.parametrize("name", [b"numpy\ndtype", b"numpy.core.multiarray\n_reconstruct", b"_codecs\nencode"])
def test_a_pickle_that_sets_the_state_of_a_stand_in_changes_nothing_for_the_next(
    tmp_path: Path, name: bytes, state: bytes
) -> None:
    path = tmp_path / "harmful.pkl"
    path.write_bytes(b"\x80\x02c" + name + b"\n" + state + b"b.")
    with pytest.raises(DataError, match="the state of what is no array"):
        read_pickle(path)
    assert read_pickle(written(tmp_path, {"a": np.arange(3.0)}, 2))["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_every_cut_of_a_sound_file_says_where_it_ends(tmp_path: Path, protocol: int) -> None:
    data = {
        split: {"id": ["a", "é"], "audio": np.ones((1, 2, 3), np.float32), "n": [np.float64(1)]} for split in ("train", "test")
    }
    whole = pickle.dumps(data, protocol)
    path = tmp_path / "made.pkl"
    seen = []
    for length in range(1, len(whole), 3):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError) as error:
            read_pickle(path)
        found = re.search(
            r"made\.pkl ends early, at byte (\d+) of at least (\d+)(?:, while (.+) was read)?: it is truncated",
            str(error.value),
        )
        assert found is not None, str(error.value)
        assert int(found[1]) == length < int(found[2]) <= len(whole)
        seen.append(found[3])
    seen = [one for one in seen if one not in {None, "train", "test"}]
    assert [one for one, _ in itertools.groupby(seen)] == [f"{split}, {key}" for split in data for key in data[split]]


def test_an_array_that_ends_early_says_how_many_bytes_it_needs(tmp_path: Path) -> None:
    data = made()
    data["valid"]["vision"] = np.zeros((3, 400, 50))
    path = written(tmp_path, data)
    whole = path.read_bytes()
    at = whole.index(bytes(100_000))
    path.write_bytes(whole[: at + 100_000])
    with pytest.raises(DataError, match=r"at byte (\S+) of at least (\S+), while valid, vision was read") as error:
        convert_mmsa(path, tmp_path / "out")
    there, needed = (int(one.replace(",", "")) for one in re.findall(r"\d+(?:,\d{3})+", str(error.value)))
    assert there == at + 100_000
    assert 3 * 400 * 50 * 8 <= needed - at <= 3 * 400 * 50 * 8 + 8  # zeros of its length may stand before it


def test_files_that_are_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.pkl cannot be read: No such file"):
        read_pickle(tmp_path / "none.pkl")
    (tmp_path / "made.pkl").write_bytes(b"")
    with pytest.raises(DataError, match=r"made\.pkl is empty"):
        read_pickle(tmp_path / "made.pkl")


def nan(data: dict[str, Any]) -> None:
    data["valid"]["vision"][1, 1, 3] = np.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda data: data.clear(),
            r"made\.pkl is no file of MMSA: expected a dict of train, valid, test, found a dict of nothing",
        ),
        (lambda data: data.update(train=[1]), r"made\.pkl, train: expected a dict, found list"),
        (lambda data: data["test"].pop("raw_text"), r"made\.pkl, test: there is no 'raw_text'; did you mean 'text'"),
        (lambda data: data["test"].pop("id"), r"test: there is no 'id'"),
        (lambda data: data["test"].update(id=[]), r"test: there are no rows"),
        (lambda data: data["test"]["raw_text"].pop(), r"test, raw_text: 3 rows where 'id' has 4"),
        (lambda data: data["train"]["raw_text"].__setitem__(1, 7), r"train, row 2, raw_text: expected a text, found int"),
        (lambda data: data["train"].update(audio=data["train"]["audio"][:5]), r"train, audio: 5 rows where 'id' has 6"),
        (
            lambda data: data["train"].update(audio=data["train"]["audio"][:, 0]),
            r"expected 3 dimensions, found the shape \(6, 5\)",
        ),
        (
            lambda data: data["train"].update(audio=data["train"]["audio"] > 0),
            r"train, audio: expected numbers, found bool",
        ),
        (lambda data: data["train"].update(audio="x"), r"train, audio: expected a list or an array, found str"),
        (
            lambda data: data["train"].update(audio=[[[1.0]], [[1.0], [2.0]]] * 3),
            r"train, audio: row 1 has the shape \(1, 1\), row 2 \(id train0\$_\$1\) \(2, 1\): rows of different lengths are filled up",
        ),
        (
            lambda data: data["train"].update(audio=np.array([np.ones((row + 1, 5)) for row in range(6)], dtype=object)),
            r"train, audio: row 1 has the shape \(1, 5\), row 2 .*\(2, 5\): rows of different lengths",
        ),
        (
            lambda data: data["train"].update(regression_labels=[0.5] * 5 + [None]),
            r"train, regression_labels: expected numbers, found NoneType in row 6",
        ),
        (
            lambda data: data.update(dev=data["valid"]),
            r"made\.pkl has several splits for validation, valid and dev: leave one of them in the file",
        ),
        (
            lambda data: data["test"].update(visual=data["test"]["vision"], video=data["test"].pop("vision")),
            r"test: visual and video may both be vision: leave one of them in the file",
        ),
        (
            lambda data: data["valid"].update(audio=data["valid"]["audio"][..., :4]),
            r"made\.pkl, audio: the splits differ in width: 4, 5",
        ),
        (
            lambda data: data["train"]["audio_lengths"].__setitem__(3, 8),
            r"train, row 4 \(id train1\$_\$3\), audio: the length 8 is not",
        ),
        (lambda data: data["train"]["audio_lengths"].__setitem__(3, -1), r"the length -1 is not between 0 and the 7 frames"),
        (
            lambda data: data["train"].pop("vision_lengths"),
            r"train: there is no 'vision_lengths', and vision does not stand beside",
        ),
        (lambda data: data["train"].update(audio_lengths=[0.5] * 6), r"the length 0\.5 is not"),
        (nan, r"valid, row 2 \(id valid0\$_\$1\), vision: frame 2 holds NaN or infinity; --missing-as-zero"),
        (
            lambda data: data["test"]["regression_labels"].__setitem__(0, np.nan),
            r"test, row 1 .*regression_labels: nan is not a finite",
        ),
        (
            lambda data: data["test"]["regression_labels"].__setitem__(0, 1.5),
            r"regression_labels: 1\.5 is not between -1 and 1",
        ),
        (
            lambda data: data["test"]["id"].__setitem__(0, "train0$_$0"),
            r"made\.pkl: 1 ids stand in more than one row: train0\$_\$0",
        ),
        (lambda data: data["test"].update(id=["a"] * 4), r"1 ids stand in more than one row: a"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: Any, message: str) -> None:
    data = made()
    change(data)
    with pytest.raises(DataError, match=message):
        convert_mmsa(written(tmp_path, data), tmp_path / "out", score_range=(-1, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["made.pkl"]


@pytest.mark.parametrize(("split", "key"), [("dev", "visual"), ("val", "video"), ("Validation", "visual")])
def test_usual_names_are_understood(tmp_path: Path, split: str, key: str) -> None:
    plain, named = made(), made()
    named[split] = named.pop("valid")
    for part in named.values():
        part[key], part["acoustic"] = part.pop("vision"), part.pop("audio")
    named["train"][f"{key}_lengths"] = named["train"].pop("vision_lengths")
    for name, data in (("plain", plain), ("named", named)):
        (tmp_path / name).mkdir()
        done = convert_mmsa(written(tmp_path / name, data), tmp_path / name / "out")
        assert done.notes == ()
    one, other = (Clips().read(tmp_path / name / "out").samples for name in ("plain", "named"))
    assert [sample.id for sample in one] == [sample.id for sample in other]
    for a, b in zip(one, other, strict=True):
        assert (a.split, a.audio.key, a.video.key) == (b.split, b.audio.key, b.video.key)
        assert a.video.provenance.parameters["key"] == b.video.provenance.parameters["key"] == "vision"


def test_what_is_not_read_is_told(tmp_path: Path) -> None:
    data = made()
    data["unlabelled"] = {"id": ["a", "b"]}
    data["about"] = "clips"
    for part in data.values():
        if isinstance(part, dict):
            part["eyes"] = [0]
    data["test"]["pose"] = data["test"].pop("vision")
    data["train"]["visual"] = data["train"]["vision"]
    done = convert_mmsa(written(tmp_path, data), tmp_path / "out")
    assert done.clips == {"train": 6, "validation": 3, "test": 4}
    assert done.notes == (
        "not read: unlabelled, with 2 rows, which is none of the splits train, valid, test",
        "not read: about, which is none of the splits train, valid, test",
        "not read: eyes; visual of train; pose of test",
        "no video: there is no vision or visual or video in test",
    )


def test_features_may_be_said_to_be_made_as_those_of_another_folder(tmp_path: Path) -> None:
    convert_mmsa(written(tmp_path, made()), tmp_path / "first")
    later = written(tmp_path, {"test": made(seed=1)["test"]})
    convert_mmsa(later, tmp_path / "apart")
    convert_mmsa(later, tmp_path / "alike", features_of=tmp_path / "first")
    first, apart, alike = (Clips().read(tmp_path / name).samples[0] for name in ("first", "apart", "alike"))
    for name in ("audio", "video"):
        made_by, other, same = (getattr(one, name).provenance.identity for one in (first, apart, alike))
        assert made_by == same
        assert made_by != other
    assert json.loads((tmp_path / "alike" / "clips.json").read_text())["source"]["features_of"].endswith("first")

    data = made()
    for part in data.values():
        part["audio"] = part["audio"][..., :4]
    with pytest.raises(
        DataError, match=r"made\.pkl, audio: 4 numbers a frame, 5 in .*first/audio\.safetensors: they were not made"
    ):
        convert_mmsa(written(tmp_path, data), tmp_path / "narrow", features_of=tmp_path / "first")
    with pytest.raises(DataError, match=r"nothing has no audio\.safetensors, features that those of .* could be like"):
        convert_mmsa(later, tmp_path / "other", features_of=tmp_path / "nothing")


def test_what_is_put_right_is_counted(tmp_path: Path) -> None:
    data = made()
    nan(data)
    data["train"]["audio"][5, 2, :3] = -np.inf
    data["train"]["audio_lengths"][0] = 0
    done = convert_mmsa(written(tmp_path, data), tmp_path / "out", missing_as_zero=True)
    assert done.changes == {"audio, minus infinity": 3, "audio, without frames": 1, "vision, missing": 1}
    table = Clips().read(tmp_path / "out")
    assert table.samples[0].audio is None
    assert table.samples[1].audio == StoredFrames(tmp_path / "out" / "audio.safetensors", 0)
    assert table.samples[5].audio.read()[2, :3].tolist() == [0, 0, 0]
    assert json.loads((tmp_path / "out" / "clips.json").read_text())["changes"] == done.changes


def test_a_modality_may_be_missing_and_a_folder_must_be_empty(tmp_path: Path) -> None:
    data = made()
    for part in data.values():
        part.pop("vision")
    (tmp_path / "out").mkdir()
    done = convert_mmsa(written(tmp_path, data), tmp_path / "out")
    assert done.widths == {"audio": 5}
    assert all(sample.video is None for sample in Clips().read(tmp_path / "out").samples)
    with pytest.raises(RecipeError, match="out exists and is not an empty folder; nothing was written"):
        convert_mmsa(tmp_path / "made.pkl", tmp_path / "out")


def test_token_ids_are_kept_if_asked_for(tmp_path: Path) -> None:
    data = made()
    path = written(tmp_path, data)
    convert_mmsa(path, tmp_path / "out", keep_text_bert=True)
    kept = load_file(tmp_path / "out" / "text_bert.safetensors")
    assert {split: tokens.shape for split, tokens in kept.items()} == {
        "train": (6, 3, 8),
        "validation": (3, 3, 8),
        "test": (4, 3, 8),
    }
    assert kept["train"].dtype == np.int64
    assert np.array_equal(kept["train"], data["train"]["text_bert"])
    data["valid"].pop("text_bert")
    with pytest.raises(DataError, match="valid: there is no 'text_bert' to keep"):
        convert_mmsa(written(tmp_path, data), tmp_path / "other", keep_text_bert=True)


def test_a_published_file_is_told_by_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made()
    path = written(tmp_path, data)
    monkeypatch.setattr(mmsa, "RELEASES", {file_digest(path): Release("MOSI unaligned", (-3, 3))})
    done = convert_mmsa(path, tmp_path / "out")
    assert done.release == "MOSI unaligned"
    table = Clips().read(tmp_path / "out")
    assert table.name == "MOSI unaligned"
    assert table.samples[0].audio.provenance.identity == {"name": "MOSI unaligned", "parameters": {"key": "audio"}}
    data["train"]["regression_labels"][0] = -3.5
    path = written(tmp_path, data)
    monkeypatch.setattr(mmsa, "RELEASES", {file_digest(path): Release("MOSI unaligned", (-3, 3))})
    with pytest.raises(DataError, match=r"-3\.5 is not between -3 and 3"):
        convert_mmsa(path, tmp_path / "other")


def test_the_published_digests_are_sixty_four_digits() -> None:
    assert len(mmsa.RELEASES) == 5
    assert all(len(digest) == 64 and int(digest, 16) for digest in mmsa.RELEASES)
    assert polars.__name__  # the manifest is written with it
