from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import pytest

from polysense.data.corpora.posts import Posts
from polysense.data.draws import Drawn
from polysense.data.table import from_dataset, from_rows
from polysense.errors import ArgumentError, DataError, RecipeError

FEELINGS = [{"tweet": f"words {number}", "feelings": "a|b" if number % 3 else "b"} for number in range(40)]
CHOSEN = {"columns": {"text": "tweet", "label": "feelings"}, "label_separator": "|", "seed": 3, "labels": 10}


def test_a_table_with_other_names_another_encoding_and_several_labels(tmp_path: Path) -> None:
    lines = ["tweet,feelings", *(f"café {n},joy|awe" for n in range(20))]
    (tmp_path / "mine.csv").write_bytes("\n".join(lines).encode("latin-1"))
    corpus = Posts(columns={"text": "tweet", "label": "feelings"}, encoding="latin-1", label_separator="|", seed=3)
    table = corpus.read(tmp_path)
    assert table.name == "mine.csv"
    assert table.samples[0].text == "café 0"
    assert table.labels() == ["awe", "joy"]
    assert table.splits == {"train": 16, "validation": 2, "test": 2}
    assert corpus.read(tmp_path / "mine.csv").samples == table.samples


def test_media_in_another_folder(pictures) -> None:
    media = pictures("media/a.png") / "media"
    (media.parent / "posts.csv").write_text("image\na.png\n")
    assert Posts().read(media.parent / "posts.csv", media_root=media).problems == ()
    assert len(Posts().read(media.parent / "posts.csv").problems) == 1


def test_rows_may_be_used_without_the_media_that_are_missing_or_damaged(pictures) -> None:
    folder = pictures("a.png")
    (folder / "broken.png").write_bytes(b"no picture")
    rows = ["one,a.png", "two,gone.png", "three,broken.png", ",gone.png", ",broken.png", "six,"]
    (folder / "posts.csv").write_text("\n".join(["text,image", *rows, ""]), "utf-8")
    assert [one.row for one in Posts().read(folder).bad] == [2, 4]
    cells = list(csv.DictReader((folder / "posts.csv").read_text("utf-8").splitlines()))
    for table in (
        Posts(on_missing="blank").read(folder),
        Posts(on_missing="blank").adopted(partial(from_rows, cells, media_root=folder)),
    ):
        assert [(sample.text, sample.image is None) for sample in table.samples] == [
            ("one", False), ("two", True), ("three", True), ("six", True),
        ]  # fmt: skip
        assert all(sample.split for sample in table.samples)
        assert [(one.row, one.field) for one in table.bad] == [(4, "row"), (5, "row")]
        (told,) = [one for one in table.problems if one.severity == "warning"]
        assert (told.field, told.row) == ("image", None)
        assert told.reason.startswith("2 rows are used without it; the first is row 2: ")
    with pytest.raises(RecipeError, match="Posts, on_missing: 'drop' is none; valid: 'blank', 'error'"):
        Posts(on_missing="drop")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Posts: .*gone\.csv is not there; expected in the data folder: a table"):
        Posts().read(tmp_path / "gone.csv")


def test_rows_given_in_python_are_read_as_their_table_is(tmp_path: Path) -> None:
    with (tmp_path / "posts.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["tweet", "feelings"])
        table.writeheader()
        table.writerows(FEELINGS)
    corpus = Posts(**CHOSEN)  # type: ignore[arg-type]
    read, given = corpus.candidates(tmp_path), corpus.adopted(partial(from_rows, FEELINGS, split_seed=None))
    for one in (read, given):
        assert one.labels() == ["a", "b"]
        drawn = Drawn(one.split("train"), one.draws, seed=0)
        assert sum(sample.label is not None for sample in drawn.samples) == 10
    shown = [[(sample.text, sample.label, sample.split) for sample in one.samples] for one in (read, given)]
    assert shown[0] == shown[1]


def test_a_data_set_given_in_python_has_several_labels_too() -> None:
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_list(FEELINGS)
    assert Posts(**CHOSEN).adopted(partial(from_dataset, data, split_seed=None)).labels() == ["a", "b"]  # type: ignore[arg-type]


def test_what_rows_given_in_python_cannot_have_is_refused_by_name() -> None:
    rows = partial(from_rows, FEELINGS, split_seed=None)
    with pytest.raises(RecipeError, match=r"Posts, encoding: 'latin-1' says something of files, .* leave it at 'utf-8'"):
        Posts(columns={"text": "tweet"}, encoding="latin-1").adopted(rows)
    with pytest.raises(ArgumentError, match="99 labels are asked for"):
        Posts(columns={"text": "tweet", "label": "feelings"}, labels=99).adopted(rows)


@pytest.mark.parametrize(("delimiter", "between"), [("semicolon", ";"), ("tab", "\t"), ("comma", ",")])
def test_the_delimiter_of_a_file_may_be_another_one(tmp_path: Path, delimiter: str, between: str) -> None:
    for name in ("a.csv", "b.tsv"):
        (tmp_path / name).write_text(between.join(["text", "label"]) + "\n" + between.join(["so good", "x"]) + "\n", "utf-8")
        (sample,) = Posts(delimiter=delimiter).read(tmp_path / name).samples
        assert (sample.text, sample.label) == ("so good", "x")
    (tmp_path / "c.jsonl").write_text('{"text": "so good"}\n', "utf-8")
    assert len(Posts(delimiter=delimiter).read(tmp_path / "c.jsonl")) == 1
    with pytest.raises(RecipeError, match="Posts, delimiter: ';' is none; valid: 'comma', 'semicolon', 'tab'"):
        Posts(delimiter=";")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="delimiter"):
        Posts(delimiter=delimiter).adopted(partial(from_rows, [{"text": "a"}]))
