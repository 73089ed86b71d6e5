from __future__ import annotations

import json
import lzma
from collections import Counter
from pathlib import Path

import pytest

from polysense.data.corpora.imdb import Imdb
from polysense.errors import DataError

ROWS = [
    {"id": f"{name}/{n}", "label": label, "rating": 2 + 6 * label, "text": f"A film.<br /><br />Number {n // 2}, {name}."}
    for name, label in (("neg", 0), ("pos", 1))
    for n in range(40)
]


def write(root: Path, lines: list[str]) -> Path:
    (root / "imdb").mkdir(exist_ok=True)
    (root / "imdb/train.jsonl.xz").write_bytes(lzma.compress(("\n".join(lines) + "\n").encode()))
    return root


def test_splits_are_drawn_and_equal_texts_stay_together(tmp_path: Path) -> None:
    table = Imdb().read(write(tmp_path, [json.dumps(row) for row in ROWS]))
    assert table.splits == {"train": 64, "validation": 8, "test": 8}
    assert table.split_made
    texts = [{row.text for row in table.split(split)} for split in table.splits]
    assert not texts[0] & texts[1] | texts[0] & texts[2] | texts[1] & texts[2]
    assert Counter(row.label for row in table.split("test")) == {"negative": 4, "positive": 4}
    row = next(row for row in table.samples if row.id == "pos/7")
    assert (row.text, row.extra) == ("A film. Number 3, pos.", {"rating": "8"})
    assert [row.split for row in Imdb(seed=1).read(tmp_path).samples] != [row.split for row in table.samples]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "row 2: not JSON"),
        (json.dumps({**ROWS[0], "label": 2}), "row 2: expected an id, a label 0 or 1"),
        (json.dumps({**ROWS[0], "text": " "}), "row 2: expected an id"),
        ("[]", "row 2: expected an id"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(DataError, match=rf"train\.jsonl\.xz, {said}"):
        Imdb().read(write(tmp_path, [json.dumps(ROWS[0]), line]))


def test_a_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, [json.dumps(row) for row in ROWS]) / "imdb/train.jsonl.xz"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"train\.jsonl\.xz cannot be read"):
        Imdb().read(tmp_path)


def test_the_published_counts(data_folder) -> None:
    table = Imdb().read(data_folder("imdb"))
    assert table.splits == {"train": 20000, "validation": 2500, "test": 2500}
    assert Counter(row.label for row in table.samples) == {"negative": 12500, "positive": 12500}
    ratings = Counter(row.extra["rating"] for row in table.samples)
    assert ratings == {"1": 5100, "2": 2284, "3": 2420, "4": 2696, "7": 2496, "8": 3009, "9": 2263, "10": 4732}
