from __future__ import annotations

import csv
import json
import shlex
import shutil
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest

from polysense.cli.main import execute
from polysense.cli.train import (
    _use,
    all_overrides,
    knowledge_overrides,
    lost_by_training,
    read_seeds,
    table_overrides,
)
from polysense.data.frames import Provenance, write_frames
from polysense.errors import RecipeError
from polysense.recipe.files import read_recipe

RECIPE = "social/posts_concat_both"


@pytest.fixture
def short(tiny_encoders: list[str]) -> list[str]:
    """Options of a training of two steps."""
    return [part for override in [*tiny_encoders, "training.max_steps=2"] for part in ("--set", override)]


def test_a_table_becomes_a_run_with_a_report(
    short: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "run"
    assert execute(["train", RECIPE, "--data", str(toy_posts), "--out", str(out), "--seeds", "3,1", *short]) == 0
    captured = capsys.readouterr()
    assert "social/posts_concat_both on posts.csv, test: 11 labelled rows" in captured.out
    assert "seed 3 " in captured.out
    scores = [json.loads((out / f"seed-{seed}" / "run.json").read_text())["test"]["accuracy"] for seed in (3, 1)]
    spread = next(line for line in captured.out.splitlines() if line.startswith("mean ± std"))
    assert f"{fmean(scores):.4f} ± {stdev(scores):.4f}" in spread
    floor = next(line for line in captured.out.splitlines() if line.startswith("always “"))
    record = json.loads((out / "run.json").read_text())["most_frequent"]["test"]
    assert record["label"] in floor
    for metric in ("accuracy", "weighted_f1", "macro_f1"):
        assert f"{record['metrics'][metric]:.4f}" in floor
    lines = captured.err.splitlines()
    assert lines[0] == (
        "posts.csv: train 42 labelled rows, validation 11 labelled rows, test 11 labelled rows (splits: the table's own)"
    )
    said = [
        "seed 3: scoring test",
        "seed 3: writing predictions",
        "seed 1: scoring test",
        "seed 1: writing",
        "writing the report",
    ]
    places = [next(place for place, line in enumerate(lines) if line.startswith(words)) for words in said]
    assert places == sorted(places)
    assert "is the best on validation (weighted_f1) and answers for the run." in captured.out
    assert f"polysense predict {out}" in captured.out
    assert "Traceback" not in captured.err
    assert (out / "report.html").read_text("utf-8").lstrip().lower().startswith("<!doctype html>")
    assert sorted(path.name for path in out.glob("seed-*")) == ["seed-1", "seed-3"]


def test_json_is_the_runs_summary(
    short: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    override = ["--set", "objectives.contrast.weight=0.2"]
    table = str(toy_posts / "posts.csv")
    assert execute(["train", RECIPE, "--data", table, "--out", str(out), "--json", *short, *override]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary == json.loads((out / "run.json").read_text())
    assert summary["seeds"] == [0]
    assert summary["recipe"]["objectives"]["contrast"]["weight"] == 0.2
    assert execute(["train", RECIPE, "--data", table, "--out", str(out), "--resume", *short, *override]) == 0
    said = capsys.readouterr().out
    assert "answers for the run" not in said  # there is one seed
    assert ", objectives.contrast.weight=0.2\n" in said  # what was changed tells runs apart


def test_columns_may_have_other_names_and_pictures_lie_elsewhere(
    short: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (toy_posts / "posts.csv").read_text("utf-8").splitlines(keepends=True)
    lines[0] = lines[0].replace("text,image,label", "tweet,photo,mood")
    (tmp_path / "tweets.csv").write_text("".join(lines), "utf-8")
    out = tmp_path / "run"
    options = ["--columns", "text=tweet,image=photo,label=mood", "--media-root", str(toy_posts), "--no-cache", "--json"]
    assert execute(["train", RECIPE, "--data", str(tmp_path / "tweets.csv"), "--out", str(out), *short, *options]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["name"] == "tweets.csv"


WRONG = {
    "seeds that are no numbers": (["--seeds", "one,two"], ["--seeds one,two", "like 0,1,2"]),
    "seeds below 0": (["--seeds", "0,-1"], ["0 or above"]),
    "a seed twice": (["--seeds", "1,1"], ["every seed once"]),
    "a misspelt entry": (["--set", "objectives.contrst.weight=0.2"], ["objectives", "'contrst'", "did you mean 'contrast'"]),
    "a misspelt key": (["--set", "training.learning_rat=1"], ["training", "'learning_rat'", "did you mean 'learning_rate'"]),
    "a misspelt argument": (
        ["--set", "encoders.text.max_lenght=9"],
        ["encoders.text", "TransformerText", "'max_lenght'", "did you mean 'max_length'"],
    ),
    "a mistyped value": (["--set", "objectives.contrast.weight=heavy"], ["objectives.contrast.weight", "'heavy'"]),
    "no value": (["--set", "training.seed"], ["--set training.seed", "key.to.value=new"]),
    "a field that is none": (["--columns", "txt=tweet"], ["'txt'", "did you mean 'text'"]),
    "an unknown option": (["--sed", "1"], ["--sed"]),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_usage_ends_with_2_and_says_what_is_meant(
    toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    options, words = WRONG[wrong]
    assert execute(["train", RECIPE, "--data", str(toy_posts), "--out", str(tmp_path / "run"), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    for word in words:
        assert word in captured.err, word
    assert not (tmp_path / "run").exists()


def test_an_unknown_recipe_names_the_nearest(toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["train", "social/post_concat", "--data", str(toy_posts), "--out", str(tmp_path / "run")]) == 2
    assert "did you mean 'social/posts_concat'" in capsys.readouterr().err


def test_a_run_that_is_there_is_not_touched_unasked(
    trained_runs: dict[str, Path], short: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["base"], tmp_path / "run")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    arguments = ["train", RECIPE, "--data", str(toy_posts), "--out", str(run), *short]
    assert execute(arguments) == 2
    assert "go on with --resume, replace it with --overwrite, or choose another --out" in capsys.readouterr().err
    assert execute([*arguments, "--resume"]) == 2
    said = capsys.readouterr().err
    assert "was started with another recipe" in said
    assert "\n  objectives.contrast" in said
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert execute([*arguments, "--overwrite", "--seeds", "4"]) == 0
    assert [path.name for path in run.glob("seed-*")] == ["seed-4"]


def test_overwriting_never_deletes_what_is_no_run(
    short: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    assert execute(["train", RECIPE, "--data", str(toy_posts), "--out", str(tmp_path), "--overwrite", *short]) == 2
    assert "holds no run: --overwrite does not delete other files" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_bad_data_never_cost_the_run_that_is_there(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["base"], tmp_path / "run")
    (tmp_path / "posts.csv").write_text("text,label\n")
    assert execute(["train", RECIPE, "--data", str(tmp_path / "posts.csv"), "--out", str(run), "--overwrite"]) == 3
    assert "posts.csv has a header but no rows" in capsys.readouterr().err
    assert (run / "run.json").is_file()


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_folder_that_cannot_be_written_ends_with_3(
    short: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert execute(["train", RECIPE, "--data", str(toy_posts), "--out", str(tmp_path / place), *short]) == 3
    captured = capsys.readouterr()
    assert "polysense: error: " in captured.err
    assert str(tmp_path / place) in captured.err
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_full_disk_ends_with_3_and_resuming_goes_on(
    short: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    arguments = ["train", RECIPE, "--data", str(toy_posts), "--out", str(tmp_path / "run"), *short]
    with monkeypatch.context() as patch:
        patch.setattr("torch.save", full)
        assert execute(arguments) == 3
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "go on with --resume" in said
    assert not list((tmp_path / "run").rglob("checkpoint-*"))
    assert execute([*arguments, "--resume"]) == 0


def test_an_interruption_keeps_the_checkpoint(
    short: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("polysense.training.seed.write_predictions", interrupt)
    assert execute(["train", RECIPE, "--data", str(toy_posts), "--out", str(tmp_path / "run"), *short]) == 130
    assert "go on from the last checkpoint with the same command and --resume" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "run" / "seed-0" / "checkpoints").iterdir()] == ["checkpoint-2"]


def test_knowledge_is_named_to_all_objectives_that_read_some(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert knowledge_overrides("skep/pretrain", ["objectives.polarity=null"], Path("found")) == [
        "objectives.word.objective.knowledge=found",
        "objectives.pair.objective.knowledge=found",
    ]
    (tmp_path / "posts.csv").write_text("text,label\nsun,good\n", "utf-8")
    called = ["train", "social/posts_text", "--data", str(tmp_path / "posts.csv"), "--out", str(tmp_path / "run")]
    assert execute([*called, "--knowledge", "found"]) == 2
    assert "no objective of social/posts_text reads any (Classification)" in capsys.readouterr().err


def test_seeds_are_read() -> None:
    assert read_seeds(None) is None
    assert read_seeds("0, 2,10") == [0, 2, 10]
    with pytest.raises(RecipeError):
        read_seeds("")


def test_columns_and_encoding_override_the_first_corpus() -> None:
    assert table_overrides(None) == []
    [corpus] = read_recipe("unimo/caption", all_overrides(["corpora.0=Captions"], "text=caption", "latin-1"))["corpora"]
    assert corpus == {"class_path": "Captions", "init_args": {"columns": {"text": "caption"}, "encoding": "latin-1"}}
    assert table_overrides("text=tweet", "latin-1") == ['corpora.0.columns={"text": "tweet"}', 'corpora.0.encoding="latin-1"']


def test_going_on_says_what_becomes_of_each_seed(
    trained_runs: dict[str, Path], tiny_encoders: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["base"], tmp_path / "run")
    shutil.rmtree(run / "seed-1")
    sets = [part for override in tiny_encoders for part in ("--set", override)]
    arguments = ["train", "social/posts_concat", "--data", str(toy_posts), "--out", str(run), "--seeds", "0,1", *sets]
    assert execute([*arguments, "--resume"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert "seed 0 is finished: its results are read" in lines
    assert "seed 1 begins anew" in lines
    assert not any(line.startswith("seed 0: scoring") for line in lines)


def test_unlabelled_rows_are_counted_apart_everywhere(
    short: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (toy_posts / "posts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for split, bare in (("train", 3), ("test", 2)):
        for row in [row for row in rows if row["split"] == split][:bare]:
            row["label"] = ""
    table = tmp_path / "posts.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    out = tmp_path / "run"
    media = ["--media-root", str(toy_posts)]
    assert execute(["train", RECIPE, "--data", str(table), "--out", str(out), *media, *short]) == 0
    captured = capsys.readouterr()
    assert "train 39 labelled and 3 unlabelled rows" in captured.err
    assert f"{RECIPE} on posts.csv, test: 9 labelled and 2 unlabelled rows" in captured.out
    assert "test: 9 labelled and 2 unlabelled rows" in (out / "README.md").read_text("utf-8")
    assert "labelled test rows; 2 unlabelled" in (out / "report.html").read_text("utf-8")
    assert json.loads((out / "run.json").read_text())["data"]["labelled"] == {"train": 39, "validation": 11, "test": 9}
    assert execute(["data", "verify", str(table), *media, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["labelled"] == {"train": 39, "validation": 11, "test": 9}
    assert found["unlabelled"] == {"train": 3, "validation": 0, "test": 2}


@pytest.mark.parametrize(
    ("greater", "after", "warns"), [(True, 0.4, True), (True, 0.5, False), (False, 0.6, True), (False, 0.4, False)]
)
def test_a_start_that_training_made_worse_is_told(greater: bool, after: float, warns: bool) -> None:
    summary = {"best_metric": "spearman", "greater_is_better": greater}
    result = {"seed": 1, "start": {"validation": {"spearman": 0.5}}, "validation": {"spearman": after}}
    said = lost_by_training(summary, result)
    assert said.startswith("seed 1 is worse on validation than the encoder was before training") if warns else not said
    assert not lost_by_training(summary, {**result, "start": {}})


@pytest.fixture
def regions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that one stands in: ``new_posts.csv``, captions of pictures whose regions stand in a file."""
    draw, made = np.random.default_rng(0), []
    for count in (3, 1, 4, 6, 2, 5, 3, 4):
        corners = np.sort(draw.random((count, 2, 2), dtype=np.float32), axis=1).reshape(count, 4)
        made.append(np.concatenate([draw.random((count, 6), dtype=np.float32), corners], axis=1))
    write_frames(tmp_path / "regions.safetensors", made, Provenance("a detector", {"regions": 6}))
    with (tmp_path / "new_posts.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [[f"regions.safetensors#{row % 8}", f"a day at the sea {row}", "yes" if row % 2 else "no"] for row in range(24)]
        csv.writer(file).writerows([["image", "text", "label"], *rows])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "corpus", "tried"),
    [
        ("unimo/caption", "Captions", "caption run new_posts.csv"),
        ("unimo/pretrain_pairs", "Captions", 'search run new_posts.csv --text "a dog in the snow"'),
        ("unimo/entail", "Posts", "predict run new_posts.csv"),
    ],
)
def test_what_it_proposes_for_regions_of_files_can_be_done(
    name: str, corpus: str, tried: str, regions: Path, tiny_text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = [
        f"encoders.text.pretrained={tiny_text}",
        "encoders.image={class_path: SequenceFrames, init_args: {modality: image}}",
        "fusion={class_path: SingleStream, init_args: {boxes: states}}",
        f"corpora.0={corpus}",
        *(["corpora.0.validation=4"] if corpus == "Captions" else []),
        *(["objectives.caption.objective.longest=8"] if name == "unimo/caption" else []),
        "training.max_steps=1",
        "training.bf16=false",
    ]
    options = [part for override in overrides for part in ("--set", override)]
    assert execute(["train", name, "--data", "new_posts.csv", "--out", "run", *options]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"Try:    polysense {tried}"
    assert execute(shlex.split(tried)) == 0


@pytest.mark.parametrize(
    ("encoders", "objective", "labels", "tried"),
    [
        (
            {"text": "TransformerText", "image": "StoredFeatures"},
            "ImageTextContrast",
            [],
            "encode run sentences.txt --out vectors.npy",
        ),
        (
            {"text": "TransformerText", "image": "StoredFeatures"},
            "Classification",
            ["a"],
            'predict run --text "what a lovely day"',
        ),
        ({"audio": "SequencePooled"}, "Regression", [], "predict run new_posts.csv"),
        (
            {"text": "TransformerText", "image": "VisionImage"},
            "Classification",
            ["a"],
            'predict run --text "what a lovely day" --image picture.jpg',
        ),
        (
            {"text": "TransformerText", "image": "VisionImage"},
            "ImageTextContrast",
            [],
            'search run pictures/ --text "a dog in the snow"',
        ),
    ],
)
def test_what_it_proposes_is_what_its_encoders_read(
    encoders: dict[str, str], objective: str, labels: list[str], tried: str
) -> None:
    objectives = {"one": {"objective": {"class_path": objective, "init_args": {}}, "weight": 1.0}}
    recipe = {"encoders": {name: {"class_path": kind} for name, kind in encoders.items()}, "objectives": objectives}
    assert _use({"recipe": recipe, "labels": labels}, Path("run")) == tried
