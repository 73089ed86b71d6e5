from __future__ import annotations

import json
from pathlib import Path

import polars
import pytest

from polysense.errors import DataError
from polysense.knowledge.rewriting import Caption, Rewrite, Rewrites
from polysense.types import Sample

DOG = Caption("A dog runs .", "1.jpg")
ENTRIES = [
    (DOG, Rewrite("A cat runs .", "word", "dog", "cat")),
    (DOG, Rewrite("The dog is running .", "positive", by="caption")),
    (DOG, Rewrite("A dog sits .", "sentence", by="2.jpg")),
    (DOG, Rewrite("A small bird runs .", "phrase", "dog", "small bird")),
    (Caption("A dog sits .", "2.jpg"), Rewrite("A dog runs .", "sentence", by="1.jpg")),
]


def test_rewrites_are_found_by_text_and_picture() -> None:
    found = Rewrites.from_entries(ENTRIES)
    assert [one.level for one in found.of(DOG.text, "1.jpg")] == ["positive", "sentence", "phrase", "word"]
    assert found.of("a  DOG runs .", "1.jpg") == found.of(DOG.text, "1.jpg")
    assert found.of(DOG.text, "2.jpg") == ()
    assert found.of("A cow .", "1.jpg") == ()
    assert found.counts == {"positive": 1, "sentence": 2, "phrase": 1, "word": 1}
    assert len(found) == 5


def test_one_caption_in_two_spellings_has_the_rewrites_of_both() -> None:
    found = Rewrites.from_entries([*ENTRIES, (Caption("a dog runs .", "1.jpg"), Rewrite("a cow runs .", "word", "dog", "cow"))])
    assert {one.text for one in found.of(DOG.text, "1.jpg")} > {"a cow runs .", "A cat runs ."}


def test_what_is_written_is_read_again_and_order_does_not_count(tmp_path: Path) -> None:
    found = Rewrites.from_entries(ENTRIES, {"seed": 3})
    again = Rewrites.read(found.write(tmp_path / "rewrites"))
    assert again == found == Rewrites.from_entries(reversed(ENTRIES))
    assert again.digest == found.digest == Rewrites.from_entries(reversed(ENTRIES)).digest
    assert again.record["seed"] == 3
    assert again.record["counts"] == found.counts
    assert found != Rewrites.from_entries(ENTRIES[:4])
    assert found.digest != Rewrites.from_entries(ENTRIES[:4]).digest


def test_nothing_is_a_table_too(tmp_path: Path) -> None:
    assert Rewrites.read(Rewrites.from_entries([]).write(tmp_path)).of("a", "b") == ()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("level", "letter", r"rewrites\.parquet, row 1, level: 'letter' is none; valid: positive, sentence, phrase, word"),
        ("rewrite", " ", r"rewrites\.parquet, row 1, rewrite: is empty"),
        ("picture", "", r"rewrites\.parquet, row 1, picture: is empty"),
        ("rewrite", None, r"rewrites\.parquet, row 1, rewrite: is empty"),
        ("level", "word", r"rewrites\.parquet, row 1, replaced: is empty, and the level word exchanges words"),
    ],
)
def test_a_damaged_row_is_named(tmp_path: Path, column: str, value: str | None, message: str) -> None:
    file = Rewrites.from_entries(ENTRIES).write(tmp_path) / "rewrites.parquet"
    table = polars.read_parquet(file)
    table.with_columns(polars.Series(column, [value, *table[column][1:]], dtype=polars.String)).write_parquet(file)
    with pytest.raises(DataError, match=message):
        Rewrites.read(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rewrites\.parquet is not there: it is what `polysense rewrite` writes"):
        Rewrites.read(tmp_path)
    file = Rewrites.from_entries(ENTRIES).write(tmp_path) / "rewrites.parquet"
    table = polars.read_parquet(file)
    table.drop("by").write_parquet(file)
    with pytest.raises(DataError, match=r"rewrites\.parquet has no column 'by'; it has picture, text"):
        Rewrites.read(tmp_path)
    table.with_columns(by=1).write_parquet(file)
    with pytest.raises(DataError, match=r"rewrites\.parquet, by: Int32 where String is expected"):
        Rewrites.read(tmp_path)
    table[1:].write_parquet(file)
    with pytest.raises(DataError, match="the digest is another one"):
        Rewrites.read(tmp_path)
    file.write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"rewrites\.parquet cannot be read as Parquet"):
        Rewrites.read(tmp_path)
    table.write_parquet(file)
    (tmp_path / "rewriting.json").write_text(json.dumps([]), "utf-8")
    with pytest.raises(DataError, match=r"rewriting\.json is damaged"):
        Rewrites.read(tmp_path)


def test_a_caption_that_rewrites_to_itself_is_refused() -> None:
    with pytest.raises(DataError, match="row 1, rewrite: is the caption itself"):
        Rewrites.from_entries([(DOG, Rewrite(DOG.text, "positive", by="caption"))])


def test_a_caption_of_a_row_goes_by_the_picture_of_the_table() -> None:
    row = Sample(id="7", text="A dog .", image=Path("data/images/1.jpg"), group="1.jpg")
    assert Caption.of(row) == Caption("A dog .", "1.jpg")
    assert (
        Caption.of(Sample(id="7", text="A dog .", image=Path("data/images/1.jpg"), group="images/1.jpg")).picture
        == "images/1.jpg"
    )
    assert (
        Caption.of(Sample(id="7", text="A dog .", image=Path("data/images/1.jpg"), group="album 3")).picture
        == "data/images/1.jpg"
    )
    assert Caption.of(Sample(id="7", text="A dog .")).picture == "7"
