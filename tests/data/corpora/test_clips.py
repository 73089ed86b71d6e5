"""Clips from a converted folder and from a table of one's own."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from polysense.cli.data import recognised
from polysense.cli.main import execute
from polysense.data.clip_folder import About, Sequences, write_clips
from polysense.data.corpora.clips import Clips
from polysense.data.frames import Provenance
from polysense.data.table import from_rows
from polysense.data.verify import verify
from polysense.errors import DataError, RecipeError

MADE = Provenance("made")


def folder(path: Path, *, scores: tuple[float, ...] = (0.5, -1.0, 1.0, 0.0, 0.2, -0.4), groups: str = "aabbcd") -> Path:
    splits = ("train", "train", "train", "train", "validation", "test")
    rows = [
        {"id": str(row), "text": f"WORDS {row}", "score": score, "score_audio": score, "split": split, "group": group}
        for row, (score, split, group) in enumerate(zip(scores, splits, groups, strict=True))
    ]
    audio = [np.full((row + 1, 3), row, np.float32) for row in range(len(rows))]
    video = [None if row == 2 else np.full((2, 4), row, np.float32) for row in range(len(rows))]
    sequences = {"audio": Sequences(audio, MADE), "video": Sequences(video, MADE)}
    write_clips(path, rows, sequences, About(name="made", score_range=(-1, 1)))
    return path


def test_a_folder_is_read_and_recognised(tmp_path: Path) -> None:
    out = folder(tmp_path / "out")
    table = Clips(lower=True).read(out)
    assert table.name == "made"
    assert table.corpus == "Clips"
    assert [one.audio.shape for one in table.samples] == [(row + 1, 3) for row in range(6)]
    assert table.samples[2].video is None
    assert table.samples[3].video.read().tolist() == [[3.0] * 4] * 2
    assert table.samples[1].text == "words 1"
    assert table.samples[1].scores == {"audio": -1.0}
    assert Clips().read(out / "manifest.parquet").samples[1].text == "WORDS 1"
    assert recognised(out) == "Clips"


def test_a_clip_with_an_empty_text_has_none(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((3, 2), np.float32))
    (tmp_path / "takes.csv").write_text("text,audio,score\nfine,a.npy,1\n,a.npy,2\n  ,a.npy,0\nsad,,-1\n", encoding="utf-8")
    samples = sorted(Clips().read(tmp_path / "takes.csv").samples, key=lambda one: one.id)
    assert [one.text for one in samples] == ["fine", None, None, "sad"]
    assert [one.modalities for one in samples] == [("text", "audio"), ("audio",), ("audio",), ("text",)]


def test_scores_beyond_the_range_are_bad_rows(tmp_path: Path) -> None:
    out = folder(tmp_path / "out", scores=(0.5, -1.5, 1.0, 0.0, 0.2, -0.4))
    found = Clips().read(out).problems
    assert [(one.row, one.field, one.reason) for one in found] == [
        (2, "score", "-1.5 is not between -1 and 1"),
        (2, "score_audio", "-1.5 is not between -1 and 1"),
    ]
    assert Clips(score_range=[-2, 2]).read(out).problems == ()
    with pytest.raises(RecipeError, match=r"score_range: expected the smallest and the largest score, found \[2, 1\]"):
        Clips(score_range=[2, 1])


def test_a_group_in_two_splits_is_a_warning_with_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder(tmp_path / "out", groups="aabbbc")
    found = [one for one in verify(Clips().read(out)) if one.field == "group"]
    assert [(one.severity, one.reason) for one in found] == [("warning", "1 group stands in more than one split: b")]
    assert execute(["data", "verify", str(out)]) == 0
    said = capsys.readouterr().out
    assert "1 group stands in more than one split: b" in said
    assert "made: all 6 rows can be read. 2 warnings to look at." in said
    assert not any(one.field == "group" for one in verify(Clips().read(folder(tmp_path / "other"))))


def test_frames_that_are_not_finite_are_bad_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = np.zeros((3, 2), np.float32)
    broken[1, 0] = np.nan
    for number in range(4):
        np.save(tmp_path / f"{number}.npy", broken if number == 2 else np.full((3, 2), number, np.float32))
    rows = [f"c{number},words {number},{number}.npy,{number},{'train' if number else 'validation'}" for number in range(4)]
    (tmp_path / "clips.csv").write_text("\n".join(["id,text,audio,score,split", *rows]) + "\n")
    assert execute(["data", "verify", str(tmp_path / "clips.csv"), "--corpus", "Clips"]) == 3
    said = capsys.readouterr().out
    assert "row 3 (id c2), audio:" in said
    assert "2.npy: frame 2 holds NaN or infinite numbers" in said
    assert execute(["data", "verify", str(tmp_path / "clips.csv"), "--no-decode"]) == 0


def test_equal_recordings_are_told(tmp_path: Path) -> None:
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.ones((2, 2), np.float32))
    (tmp_path / "clips.csv").write_text("text,audio,score,split\none,a.npy,1,train\ntwo,b.npy,0,validation\nthree,,1,train\n")
    found = [one.reason for one in verify(Clips().read(tmp_path)) if one.field == "audio"]
    assert found == [
        "1 recording stands in more than one row (2 rows; for example ids 1, 2)",
        "1 recording stands in more than one split (train and validation: 1; for example ids 1, 2)",
        "1 of 3 rows have none",
    ]


def test_own_tables_get_splits_and_may_have_other_columns(tmp_path: Path) -> None:
    np.save(tmp_path / "take.npy", np.ones((2, 2), np.float32))
    lines = [f"words {row},take.npy,{row / 10},{row // 2}" for row in range(20)]
    (tmp_path / "clips.csv").write_text("\n".join(["said,sound,felt,group", *lines]) + "\n")
    table = Clips(columns={"text": "said", "audio": "sound", "score": "felt"}).read(tmp_path)
    assert table.split_made
    assert {one.split for one in table.samples} == {"train"}  # all share one recording


def test_rows_given_in_python_are_read_as_their_table_is() -> None:
    rows = [{"said": f"WORDS {row}", "sound": np.ones((2, 2), np.float32) * row, "felt": row} for row in range(20)]
    rows.append({"said": " ", "sound": np.ones((3, 2), np.float32), "felt": 2.0})
    given = partial(from_rows, rows, split_seed=None)
    columns = {"text": "said", "audio": "sound", "score": "felt"}
    table = Clips(columns=columns, lower=True, score_range=[0, 15], seed=1).adopted(given)
    assert table.score_range == (0, 15)
    assert [(one.row, one.field) for one in table.bad] == [(17, "score"), (18, "score"), (19, "score"), (20, "score")]
    assert [table.samples[0].text, table.samples[-1].text] == ["words 0", None]
    assert set(table.splits) == {"train", "validation", "test"}
    other = Clips(columns=columns, score_range=[0, 15], seed=2).adopted(given)
    assert [one.split for one in other.samples] != [one.split for one in table.samples]
    with pytest.raises(RecipeError, match="Clips, encoding: 'latin-1' says something of files"):
        Clips(encoding="latin-1").adopted(given)


def test_a_damaged_description_is_told(tmp_path: Path) -> None:
    out = folder(tmp_path / "out")
    (out / "clips.json").write_text(json.dumps({"score_range": [1]}))
    with pytest.raises(DataError, match=r"clips\.json is damaged"):
        Clips().read(out)
    (out / "clips.json").unlink()
    table = Clips().read(out)
    assert table.name == "manifest.parquet"
    assert [(one.severity, one.reason) for one in table.problems] == [
        ("warning", "clips.json is not there: the name of the set and the range of its scores are not known")
    ]
    assert recognised(out) == "Clips"
    (out / "manifest.parquet").rename(out / "takes.parquet")
    assert Clips().read(out).problems == (), "a table of one's own has none"


def test_nothing_is_left_of_a_folder_that_could_not_be_written(tmp_path: Path) -> None:
    rows = [{"id": "0", "text": "x", "score": 1.0}]
    with pytest.raises(DataError, match="has no frames"):
        write_clips(tmp_path / "out", rows, {"audio": Sequences([np.zeros((0, 2), np.float32)], MADE)}, About(name="made"))
    assert list(tmp_path.iterdir()) == []


def test_converted_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pickle

    part = {
        "id": ["v$_$0", "v$_$1"],
        "raw_text": ["one", "two"],
        "audio": np.ones((2, 3, 4), np.float32),
        "audio_lengths": [1, 3],
        "regression_labels": [0.5, -3.5],
    }
    part["audio"][1, 1, 1] = -np.inf
    (tmp_path / "made.pkl").write_bytes(pickle.dumps({"train": part}))
    command = ["data", "convert", "mmsa", str(tmp_path / "made.pkl"), str(tmp_path / "out")]
    assert execute([*command, "--score-range", "-3,3"]) == 3
    assert "row 2 (id v$_$1), regression_labels: -3.5 is not between -3 and 3" in capsys.readouterr().err
    assert execute([*command, "--score-range", "3"]) == 2
    assert "as in -3,3" in capsys.readouterr().err
    assert execute([*command[:2], "msa", *command[3:]]) == 2
    assert "there is no format 'msa'; did you mean 'mmsa'?" in capsys.readouterr().err
    assert execute(command) == 0
    said = capsys.readouterr().out
    assert "made.pkl is no published file that we know" in said
    assert "audio, minus infinity: 1" in said
    assert execute([*command[:-1], str(tmp_path / "other"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["longest"] == {"audio": 3}
