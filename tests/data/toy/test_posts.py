from __future__ import annotations

import csv
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from polysense.data.media import load_image
from polysense.data.table import Table, read_table
from polysense.data.toy import write_toy
from polysense.data.toy.posts import COLUMNS, post_label
from polysense.data.verify import verify
from polysense.errors import DataError

CLASSES = ["negative", "neutral", "positive"]
DEFERS = re.compile(r"(?i)picture|see for yourself|photo\.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy_posts")
    start = time.perf_counter()
    assert write_toy(folder) == folder / "posts.csv"
    assert time.perf_counter() - start < 30  # about 2 seconds where nothing else runs
    return folder


@pytest.fixture(scope="module")
def table(folder: Path) -> Table:
    return read_table(folder / "posts.csv")


def test_the_table(folder: Path, table: Table) -> None:
    with (folder / "posts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 360
    assert {row["synthetic"] for row in rows} == {"true"}
    assert table.splits == {"train": 240, "validation": 60, "test": 60}
    assert table.labels() == CLASSES
    assert len({row["text"] for row in rows}) == 360


def test_nothing_is_wrong_with_it(table: Table) -> None:
    assert verify(table, labels=CLASSES, strict=True) == []


def test_a_quarter_is_in_conflict_and_the_classes_are_common(table: Table) -> None:
    conflicts = [sample for sample in table.samples if sample.extra["conflict"] == "true"]
    assert abs(len(conflicts) / 360 - 0.25) < 0.02
    for sample in table.samples:
        opposite = {sample.extra["text_label"], sample.extra["image_label"]} == {"positive", "negative"}
        assert (sample.extra["conflict"] == "true") == opposite
    for split in table.splits:
        shares = Counter(sample.label for sample in table.split(split))
        assert min(shares.values()) / shares.total() > 0.2
        assert max(shares.values()) / shares.total() < 0.45


def test_labels_follow_the_rule_and_need_both_sides(table: Table) -> None:
    for sample in table.samples:
        deferring = sample.extra["text_label"] != "neutral" and DEFERS.search(sample.text or "") is not None
        assert sample.label == post_label(sample.extra["text_label"], sample.extra["image_label"], deferring=deferring), (
            sample.text
        )
    for side in ("text_label", "image_label"):
        assert 0.5 < sum(sample.label == sample.extra[side] for sample in table.samples) / 360 < 0.8


@pytest.mark.parametrize(
    ("text", "image", "deferring", "label"),
    [
        ("positive", "positive", False, "positive"),
        ("neutral", "neutral", False, "neutral"),
        ("neutral", "negative", False, "negative"),
        ("positive", "neutral", True, "positive"),
        ("positive", "negative", False, "positive"),
        ("positive", "negative", True, "negative"),
        ("negative", "positive", False, "negative"),
        ("negative", "positive", True, "positive"),
    ],
)
def test_the_rule(text: str, image: str, deferring: bool, label: str) -> None:
    assert post_label(text, image, deferring=deferring) == label


def test_equal_arguments_write_equal_files(folder: Path, tmp_path: Path) -> None:
    write_toy(tmp_path / "a", posts=40, seed=5)
    write_toy(tmp_path / "b", posts=40, seed=5)
    write_toy(tmp_path / "c", posts=40, seed=6)
    first, second, other = ((tmp_path / name / "posts.csv").read_bytes() for name in "abc")
    assert first == second != other
    for path in sorted((tmp_path / "a" / "images").iterdir()):
        again = tmp_path / "b" / "images" / path.name
        assert np.array_equal(np.asarray(load_image(path)), np.asarray(load_image(again)))


@pytest.mark.parametrize("conflict", [0.0, 1.0])
def test_the_share_of_conflicts_is_free(tmp_path: Path, conflict: float) -> None:
    samples = read_table(write_toy(tmp_path, posts=24, conflict=conflict)).samples
    assert sum(sample.extra["conflict"] == "true" for sample in samples) == 24 * conflict


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="posts must be at least 1"):
        write_toy(tmp_path, posts=0)
    with pytest.raises(ValueError, match="conflict between 0 and 1"):
        write_toy(tmp_path, conflict=1.5)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_toy(tmp_path / "file" / "toy", posts=2)
