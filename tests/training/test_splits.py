from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from polysense.data.draws import Limit
from polysense.data.table import from_rows, read_table
from polysense.errors import DataError
from polysense.recipe import load_recipe
from polysense.training.splits import Splits, read_columns

ROWS = [
    {"id": "a", "text": "sun", "label": "positive", "split": "train"},
    {"id": "b", "text": "rain", "label": "negative", "split": "train"},
    {"id": "c", "text": "fog", "label": "negative", "split": "dev"},
]


def test_a_table_without_test_rows_is_enough() -> None:
    assert Splits.of(from_rows(ROWS)).sizes == {"train": 2, "validation": 1, "test": 0}


def test_without_validation_it_is_not() -> None:
    with pytest.raises(DataError, match="'validation'"):
        Splits.of(from_rows(ROWS[:2]))


def test_equal_data_have_equal_digests_wherever_they_lie(toy_posts: Path, tmp_path: Path) -> None:
    shutil.copytree(toy_posts, tmp_path / "copy")
    assert Splits.of(read_table(toy_posts)).digest == Splits.of(read_table(tmp_path / "copy")).digest


@pytest.mark.parametrize(
    "change",
    [
        {"id": "z"},
        {"text": "Sun"},
        {"text": None},
        {"label": "negative"},
        {"score": 1.0},
        {"group": "album"},
        {"image": Image.new("RGB", (2, 2))},
    ],
)
def test_what_is_read_changes_the_digest(change: dict[str, object]) -> None:
    splits = Splits.of(from_rows(ROWS))
    changed = replace(splits, train=[replace(splits.train[0], **change), splits.train[1]])
    assert changed.digest != splits.digest


def test_what_is_drawn_from_changes_the_digest() -> None:
    """Tables of rewrites and of what is near: their texts stand in no row."""
    splits = Splits.of(from_rows(ROWS))

    class Drawing(Limit):
        @property
        def digests(self) -> dict[str, str]:
            return {"rewrites": "1"}

    other = replace(splits, draws={"": Drawing(2, None)})
    assert other.digest != replace(splits, draws={"": Limit(2, None)}).digest


def test_order_and_role_change_the_digest() -> None:
    splits = Splits.of(from_rows(ROWS))
    assert replace(splits, train=splits.train[::-1]).digest != splits.digest
    assert replace(splits, validation=[], test=splits.validation).digest != splits.digest


def test_a_column_that_is_read_changes_the_digest() -> None:
    """Of whatever table: one that says nothing of it has none of it."""
    digests = []
    for words in ("x", "y", "", None):
        rows = [{**row, **({} if words is None else {"ocr": words, "note": words})} for row in ROWS]
        digests.append(Splits.of(from_rows(rows), columns={"ocr"}).digest)
    assert len(set(digests)) == 4
    assert Splits.of(from_rows(ROWS)).digest not in digests


def test_the_columns_that_a_recipe_reads() -> None:
    assert read_columns(load_recipe("social/mhp_concat")) == {"ocr"}
    assert read_columns(load_recipe("social/posts_concat")) == read_columns(load_recipe("unimo/sts")) == set()


def test_a_column_that_nothing_reads_does_not() -> None:
    splits = Splits.of(from_rows(ROWS))
    noted = replace(splits, train=[replace(sample, extra={"note": "x"}) for sample in splits.train])
    assert noted.digest == splits.digest
