from __future__ import annotations

import json
from pathlib import Path

import polars
import pytest

from polysense.data.neighbours import Neighbours
from polysense.errors import DataError, RecipeError

TEXTS = {"A Dog  runs .": [("The dog is running .", 0.75), ("A cat .", 0.5)], "a cow .": [("Cows graze .", 0.25)]}


def test_neighbours_are_found_by_key(tmp_path: Path) -> None:
    texts = Neighbours.from_entries("texts", TEXTS, {"pool": 2})
    assert texts.of("a dog runs .") == (("The dog is running .", 0.75), ("A cat .", 0.5))
    assert texts.of("a horse .") == ()
    images = Neighbours.from_entries("images", {"1.jpg": [("a/7.jpg", 0.5)]}, {"folder": "pictures"})
    assert images.of("1.jpg") == (("a/7.jpg", 0.5),)
    texts.write(tmp_path)
    images.write(tmp_path)
    assert Neighbours.read(tmp_path, "texts") == texts
    again = Neighbours.read(tmp_path, "images")
    assert again == images
    assert again.digest == images.digest
    assert again.record["folder"] == "pictures"
    assert Neighbours.read(tmp_path, "texts").record["pool"] == 2
    assert len(texts) == 2


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("rank", [1, 3, 1], "row 2, rank: 3 is out of turn"),
        ("rank", [2, 3, 1], "row 1, rank: 2 is out of turn"),
        ("score", [0.75, 0.8, 0.25], "row 2, score: 0.8.* is above that of the rank before"),
        ("score", [float("nan"), 0.5, 0.25], "row 1, score: nan is not finite"),
        ("neighbour", ["A DOG runs .", "A cat .", "Cows graze ."], "row 1, neighbour: is the key itself"),
        ("key", ["a dog runs .", None, "a cow ."], "row 2, key: is empty"),
    ],
)
def test_a_damaged_row_is_named(tmp_path: Path, column: str, values: list[object], message: str) -> None:
    file = (
        Neighbours.from_entries("texts", {"a dog runs .": TEXTS["A Dog  runs ."], "cows .": TEXTS["a cow ."]}).write(tmp_path)
        / "texts.parquet"
    )
    table = polars.read_parquet(file)
    table.with_columns(polars.Series(column, values, dtype=table.schema[column])).write_parquet(file)
    with pytest.raises(DataError, match=rf"texts\.parquet.*{message}"):
        Neighbours.read(tmp_path, "texts")


def test_a_key_in_two_places_is_refused() -> None:
    rows = [("a", 1, "x", 0.5), ("b", 1, "x", 0.5), ("a", 1, "y", 0.5)]
    schema = {"key": polars.String, "rank": polars.Int32, "neighbour": polars.String, "score": polars.Float32}
    with pytest.raises(DataError, match="'a' stands in two places"):
        Neighbours("images", polars.DataFrame(rows, schema=schema, orient="row"))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"images\.parquet is not there: it is what `polysense neighbours` writes"):
        Neighbours.read(tmp_path, "images")
    with pytest.raises(RecipeError, match="did you mean 'texts'"):
        Neighbours.read(tmp_path, "text")  # type: ignore[arg-type]
    file = Neighbours.from_entries("texts", TEXTS).write(tmp_path) / "texts.parquet"
    polars.read_parquet(file)[:2].write_parquet(file)
    with pytest.raises(DataError, match="the digest is another one"):
        Neighbours.read(tmp_path, "texts")
    (tmp_path / "neighbours.json").write_text(json.dumps({"texts": 3}), "utf-8")
    with pytest.raises(DataError, match=r"neighbours\.json, texts: expected an object"):
        Neighbours.read(tmp_path, "texts")
