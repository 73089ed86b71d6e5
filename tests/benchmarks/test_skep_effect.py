from __future__ import annotations

import gzip
import json
import lzma
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

from polysense.data.table import from_rows
from polysense.knowledge import Entry, Knowledge
from polysense.types import Sample

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/skep_effect.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A review of every source."""
    (tmp_path / "imdb").mkdir()
    with lzma.open(tmp_path / "imdb/train.jsonl.xz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps({"text": "A film of its time.<br />Too short!"}) + "\n")
    (tmp_path / "amazon_blitzer/kitchen").mkdir(parents=True)
    with gzip.open(tmp_path / "amazon_blitzer/kitchen/positive.review.gz", "wt", encoding="utf-8") as file:
        file.write("<review_text>\nThe kettle boils fast. Good\n</review_text>")
    (tmp_path / "nltk_corpora").mkdir()
    for name, text in (("pros", "light and very small"), ("cons", "It is a test sentence")):
        with gzip.open(tmp_path / f"nltk_corpora/{name}.txt.gz", "wt", encoding="utf-8") as file:
            file.write(f"{text}\n")
    return tmp_path


SENTENCES = ["A film of its time.", "The kettle boils fast.", "light and very small", "It is a test sentence"]


def test_sentences_of_three_words_or_more_are_read_from_every_source(script: dict[str, Any], data: Path) -> None:
    assert list(script["review_sentences"](data)) == SENTENCES


def test_no_test_text_is_read_or_mined(script: dict[str, Any], data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mined: list[list[str]] = []

    def mine(texts: list[str]) -> Knowledge:
        mined.append(sorted(texts))
        return Knowledge({"good": Entry(1.0, 1)})

    monkeypatch.setitem(script["prepare"].__globals__, "mine", mine)
    tests = [Sample(id="1", text="it is a TEST sentence!")]
    file, knowledge, counts = script["prepare"](data, data / "runs", tests)
    assert sorted(file.read_text("utf-8").splitlines()) == mined[0] == sorted(SENTENCES[:3])
    assert counts == {"different": 4, "left out": 1, "mined from": 3, "read": script["SENTENCES"]}
    assert Knowledge.read(knowledge).words
    assert script["prepare"](data, data / "runs", [])[2] == counts  # taken up, not made again
    assert len(mined) == 1


def test_labels_are_drawn_once_and_other_parts_stay(script: dict[str, Any]) -> None:
    rows = [
        {"text": f"t{number}", "label": "ab"[number % 2], "split": "train" if number < 10 else "test"} for number in range(14)
    ]
    table = from_rows(rows)
    few = script["labelled"](table, 4)
    assert (len(few.split("train")), len(few.split("test"))) == (4, 4)
    assert few.samples == script["labelled"](table, 4).samples


def test_lexica_are_scored_by_signs(script: dict[str, Any]) -> None:
    samples = [
        Sample(id=str(at), text=text, label=label) for at, (text, label) in enumerate([("good", "positive"), ("x", "negative")])
    ]
    found = script["lexicon_scores"](samples, {"own": Knowledge({"good": Entry(1.0, 1)})})
    assert (found["own"]["accuracy"], found["own"]["ties"]) == (0.5, 0.5)


@pytest.fixture
def runs(script: dict[str, Any], trained_runs: dict[str, Path], tmp_path: Path) -> Path:
    """Two arms of one task, put together of made runs as `fine_tuned` does."""
    for arm, name in (("none", "base"), ("random", "base"), ("sw", "both")):
        for seed in (0, 1):
            own = tmp_path / "tasks/sst2_500" / f"{arm}-{seed}"
            shutil.copytree(trained_runs[name], own)
            record = json.loads((own / "run.json").read_text("utf-8"))
            record["per_seed"] = [record["per_seed"][seed]]
            (own / "run.json").write_text(json.dumps(record), "utf-8")
        shutil.copytree(trained_runs[name], tmp_path / "tasks/sst2_500" / arm)
    return tmp_path


def test_finished_arms_are_collected_and_written_as_tables(
    script: dict[str, Any], runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(script["collected"].__globals__, "SEEDS", (0, 1))
    found = script["collected"](runs)
    assert {task for task, one in found["tasks"].items() if one["arms"]} == {"sst2_500"}
    task = found["tasks"]["sst2_500"]
    assert set(task["arms"]) == {"none", "random", "sw"}
    assert set(task["differences"]) == {"random - none", "sw - none", "sw - random"}
    assert task["differences"]["random - none"]["accuracy"]["difference"] == 0
    accuracy = {arm: one["accuracy"]["mean"] for arm, one in task["arms"].items()}
    assert task["differences"]["sw - none"]["accuracy"]["difference"] == pytest.approx(accuracy["sw"] - accuracy["none"])
    rows = {name: {"train": 1, "validation": 1, "test": 1} for name in script["TASKS"]}
    result = {**found, "rows": rows, "lexica": {"own": {"accuracy": 0.5, "ties": 0.25}}, "commit": "c", "machine": "m"}
    page = script["markdown"](result)
    assert f"| sw | {100 * accuracy['sw']:.1f} ± " in page
    assert "| sw - random | " in page
    assert "| own | 50.0 | 25.0 |" in page


def test_every_arm_and_task_is_a_recipe(script: dict[str, Any]) -> None:
    from polysense.recipe import load_recipe

    for recipe, *_ in (*filter(None, script["ARMS"].values()), *script["TASKS"].values()):
        assert load_recipe(recipe).objectives
