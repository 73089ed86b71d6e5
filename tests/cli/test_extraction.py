"""``polysense data extract``, ``data extract regions``, ``data convert regions``, and ``predict`` on the files of clips."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.made_regions import picture, region_line, write

from polysense import Predictor
from polysense.cli.main import execute
from polysense.data.corpora.clips import Clips
from polysense.data.corpora.posts import Posts
from polysense.data.frames import Frames
from polysense.recipe import load_recipe


@pytest.fixture
def clips(takes: Path, tmp_path: Path) -> Path:
    """A table of three sound clips; the takes lie elsewhere."""
    table = tmp_path / "clips.csv"
    table.write_text("id,words,video,score\na,so good,0.mp4,2\nb,so bad,1.mp4,-2\nc,hm,mute.mp4,0\n", "utf-8")
    return table


def extract(table: Path, takes: Path, *more: str, out: str = "out") -> int:
    words = ["--media-root", str(takes), "--columns", "text=words", "--audio", "mfcc,energy", "--quiet", *more]
    return execute(["data", "extract", str(table), str(table.parent / out), *words])


def test_clips_of_a_table_are_written(clips: Path, takes: Path, tiny_vision: str, capsys) -> None:
    options = ("--video", tiny_vision, "--pictures-per-second", "3", "--score-range", "-3,3")
    assert extract(clips, takes, *options) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("warning: ")
    assert shown[0].endswith("mute.mp4 has no sound: the clip counts as having none")
    assert shown[1:] == ["3 clips written: 2 with audio, 3 with video"]
    found = Clips().read(clips.parent / "out").samples
    assert [(one.id, one.text, one.score) for one in found] == [("a", "so good", 2), ("b", "so bad", -2), ("c", "hm", 0)]
    assert all(isinstance(one.video, Frames) and one.video.shape == (3, 32) for one in found)
    assert extract(clips, takes, *options) == 2
    assert "exists and is not an empty folder" in capsys.readouterr().err


def test_bad_clips_are_told_with_their_reasons(clips: Path, takes: Path, capsys) -> None:
    with clips.open("a", encoding="utf-8") as file:
        file.write("d,x,empty.mp4,1\ne,x,text.mp4,1\nf,x,none.mp4,1\n")
    assert extract(clips, takes, "--video", "none") == 3
    captured = capsys.readouterr()
    bad = [line for line in captured.out.splitlines() if line.startswith("bad: ")]
    for line, row, reason in zip(bad, (4, 5, 6), ("is an empty file", "is damaged", "does not exist"), strict=True):
        assert f"row {row}" in line
        assert reason in line
    assert captured.out.splitlines()[-1] == "nothing was written"
    assert "3 bad rows: put them right and call again" in captured.err
    assert not (clips.parent / "out").exists()
    assert extract(clips, takes, "--video", "none", "--skip-bad-rows", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["clips"], told["audio"], told["bad_rows"]) == (3, 2, 3)
    assert [one["id"] for one in told["problems"] if one["severity"] == "bad"] == ["d", "e", "f"]


def test_of_many_bad_clips_the_first_are_told_one_by_one(clips: Path, takes: Path, capsys) -> None:
    with clips.open("a", encoding="utf-8") as file:
        file.writelines(f"gone{number},x,gone{number}.mp4,1\n" for number in range(15))
    assert extract(clips, takes, "--video", "none") == 3
    lines = capsys.readouterr().out.splitlines()
    assert sum("does not exist" in line for line in lines) == 10
    assert "bad: ... and 5 more (--json lists all)" in lines


def test_scores_beyond_the_range_are_bad_before_anything_is_computed(clips: Path, takes: Path, capsys) -> None:
    assert extract(clips, takes, "--video", "none", "--score-range", "-1,1") == 3
    told = capsys.readouterr().out
    assert "row 1 (id a), score: 2 is not between -1 and 1" in told
    assert "row 2 (id b), score: -2 is not between -1 and 1" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--audio", "mfc,energy"], "no part 'mfc' of sound; did you mean 'mfcc'"),
        (["--video", "none", "--faces", "x/y"], "--faces: goes with --video, which is none"),
        (["--audio", "none", "--video", "none"], "there is nothing to extract"),
        (["--score-range", "3"], "is not the smallest and the largest score"),
        (["--video", "x/nowhere"], "'x/nowhere' cannot be loaded"),
    ],
)
def test_wrong_options_end_with_2(options: list[str], message: str, clips: Path, takes: Path, capsys) -> None:
    assert extract(clips, takes, *options) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


@pytest.fixture
def model(clips: Path, takes: Path, tiny_text: str, tiny_vision: str, tmp_path: Path, capsys) -> Path:
    """Saved, with heads that count as trained, of features that were extracted; its image encoder lies in the folder ``vision``."""
    shutil.copytree(tiny_vision, tmp_path / "vision")
    assert extract(clips, takes, "--video", str(tmp_path / "vision"), out="seen") == 0
    capsys.readouterr()
    rows = Clips().read(tmp_path / "seen").samples
    recipe = load_recipe("self_mm/clips", [f"encoders.text.pretrained={tiny_text}"]).complete(rows)
    learner = recipe.build(seed=0)
    learner.get_buffer("objectives.unimodal.taught").fill_(True)
    Predictor(recipe, learner).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_clip_in_a_file_is_answered(model: Path, takes: Path, capsys) -> None:
    film = str(takes / "2.mp4")
    assert execute(["predict", str(model), film, "--text", "so good", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert set(whole) == {"score", "label", "score_text", "score_audio", "score_video", "disagree", "missing"}
    assert whole["missing"] == []
    assert execute(["predict", str(model), film, "--text", "so good"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == whole["label"]
    assert execute(["predict", str(model), str(takes / "voice.wav"), "--json"]) == 0
    sound = json.loads(capsys.readouterr().out)
    assert sound["missing"] == ["text", "video"]
    assert sound["score_text"] is None
    assert execute(["predict", str(model), str(takes / "voice.wav"), "--vectors"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) - set(sound) == {"vector_fused", "vector_text", "vector_audio", "vector_video"}
    assert told["vector_text"] is None
    assert len(told["vector_audio"]) == 32
    assert execute(["predict", str(model), str(takes / "none.mp4")]) == 3
    assert "none.mp4" in capsys.readouterr().err
    assert execute(["predict", str(model), str(takes / "cut.mp4")]) == 3


def test_a_table_of_clips_in_files_is_answered_row_by_row(model: Path, takes: Path, clips: Path, capsys) -> None:
    with clips.open("a", encoding="utf-8") as file:
        file.write("d,x,text.mp4,1\n")
    words = ["--media-root", str(takes), "--columns", "text=words"]
    assert execute(["predict", str(model), str(clips), *words]) == 3
    captured = capsys.readouterr()
    assert "mute.mp4 has no sound: the clip counts as having none" in captured.err
    found: list[dict[str, Any]] = [json.loads(line) for line in captured.out.splitlines()]
    assert [one["id"] for one in found] == ["a", "b", "c", "d"]
    assert [one.get("missing") for one in found] == [[], [], ["audio"], None]
    assert "is damaged" in found[3]["error"]
    assert execute(["predict", str(model), str(clips), *words, "--vectors"]) == 3
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one.get("vector_audio") is None for one in lines] == [False, False, True, True]


def test_features_made_otherwise_are_refused(model: Path, takes: Path, capsys) -> None:
    from transformers import ViTModel

    network = ViTModel.from_pretrained(model.parent / "vision")
    network.embeddings.cls_token.data += 1
    network.save_pretrained(model.parent / "vision")
    assert execute(["predict", str(model), str(takes / "2.mp4"), "--text", "so good"]) == 3
    assert "the model reads features made otherwise than polysense makes them now: weights" in capsys.readouterr().err


def test_regions_of_the_pictures_of_a_table_are_written(toy_posts: Path, tiny_detr: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "regions"
    arguments = ["data", "extract", "regions", str(toy_posts), str(out), "--detector", tiny_detr, "--regions", "3", "--quiet"]
    assert execute(arguments) == 0
    assert capsys.readouterr().out == "64 rows written: 64 with image\n"
    before, after = Posts().read(toy_posts), Posts().read(out)
    assert [(one.id, one.text, one.label, one.split, one.extra) for one in after.samples] == [
        (one.id, one.text, one.label, one.split, one.extra) for one in before.samples
    ]
    assert all(isinstance(one.image, Frames) and one.image.shape == (3, 20) for one in after.samples)
    assert execute(arguments) == 2
    assert "exists and is not an empty folder" in capsys.readouterr().err


def test_probabilities_of_classes_are_written_if_asked_for(toy_posts: Path, tiny_detr: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "regions"
    arguments = ["data", "extract", "regions", str(toy_posts), str(out), "--detector", tiny_detr, "--regions", "3", "--classes"]
    assert execute([*arguments, "--quiet"]) == 0
    assert capsys.readouterr().out == "64 rows written: 64 with image\na region: 3 classes, its box\n"
    assert all(isinstance(one.image, Frames) and one.image.shape == (3, 23) for one in Posts().read(out).samples)


def test_a_region_file_of_the_release_is_converted(tmp_path: Path, capsys) -> None:
    file = write(
        tmp_path / "r.tsv", *(region_line(**picture(seed)) for seed in range(3)), region_line(**picture(3) | {"count": 9})
    )
    table = write(tmp_path / "captions.csv", "words,image", "a dog,2.jpg", "a cat,0.jpg")
    arguments = ["data", "convert", "regions", str(file), str(tmp_path / "out"), "--detector", "x"]
    assert execute(arguments) == 3
    captured = capsys.readouterr()
    assert "r.tsv, row 4 (id 3.jpg), boxes: 48 bytes are not the 32-bit floats of 9 regions" in captured.out
    assert captured.out.endswith("nothing was written\n")
    assert "1 bad row: put them right" in captured.err
    options = ["--table", str(table), "--columns", "text=words", "--regions", "2", "--skip-bad-rows"]
    assert execute([*arguments, *options]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "2 rows written: 2 with image",
        "a region: 6 features, 4 classes, its box",
    ]
    found = Posts().read(tmp_path / "out").samples
    assert [one.text for one in found] == ["a dog", "a cat"]
    assert all(isinstance(one.image, Frames) and one.image.shape == (2, 14) for one in found)
    assert execute([*arguments, *options]) == 2
    capsys.readouterr()
    arguments[4] = str(tmp_path / "other")
    assert execute([*arguments, "--skip-bad-rows", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert {name: counts[name] for name in ("rows", "image", "features", "classes", "bad_rows")} == {
        "rows": 3,
        "image": 3,
        "features": 6,
        "classes": 4,
        "bad_rows": 1,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--background", "frist"], "background: 'frist'; did you mean 'first'"),
        (["--columns", "text=words"], "--columns and --encoding are for a --table"),
        (["--regions", "0"], "expected a number from 1 up, found 0"),
    ],
)
def test_wrong_options_of_region_files_end_with_2(options: list[str], message: str, tmp_path: Path, capsys) -> None:
    file = write(tmp_path / "r.tsv", region_line(**picture(0)))
    assert execute(["data", "convert", "regions", str(file), str(tmp_path / "out"), "--detector", "x", *options]) == 2
    assert message in capsys.readouterr().err


def test_what_has_no_pictures_has_no_regions(clips: Path, tiny_detr: str, takes: Path, capsys) -> None:
    arguments = ["data", "extract", "regions", str(clips), str(clips.parent / "out"), "--detector", tiny_detr]
    assert execute([*arguments, "--columns", "text=words", "--media-root", str(takes)]) == 3
    assert "there is no column 'image'" in capsys.readouterr().err
    np.save(clips.parent / "0.npy", np.ones((2, 5), dtype=np.float32))
    (clips.parent / "posts.csv").write_text("text,image\nx,0.npy\n", "utf-8")
    assert execute(["data", "extract", "regions", str(clips.parent / "posts.csv"), *arguments[4:]]) == 3
    assert "0.npy was computed of a file; nothing can be extracted from it again" in capsys.readouterr().out


def test_help_names_both(capsys) -> None:
    assert execute(["data", "convert", "regions", "--help"]) == 0
    assert "--background" in capsys.readouterr().out
    assert execute(["data", "extract", "--help"]) == 0
    assert "extract regions" in capsys.readouterr().out
    assert execute(["data", "extract", "regions", "--help"]) == 0
    assert "--detector" in capsys.readouterr().out
