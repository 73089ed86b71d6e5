from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from made_benchmarks import write_sick
from polysense.data.corpora.captions import Captions
from polysense.data.table import from_rows
from polysense.errors import DataError, RecipeError

PICTURES = 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight pictures, each with two captions, in ``album/captions.csv``; the columns are not called as ours."""
    album = tmp_path / "album"
    (album / "files").mkdir(parents=True)
    with (album / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "caption", "part", "label"])
        for n in range(PICTURES):
            Image.new("RGB", (4, 4), (30 * n, 0, 0)).save(album / "files" / f"{n}.jpg")
            part = "train" if n < 5 else "dev" if n == 5 else "test" if n == 6 else ""
            rows.writerows([f"{n}.jpg", f"picture {n}, caption {k}", part, "happy"] for k in range(2))
    return tmp_path


COLUMNS = {"text": "caption", "image": "file"}


def captions(**choices: object) -> Captions:
    return Captions(**{"path": "album/captions.csv", "media": "files", "columns": COLUMNS, **choices})  # type: ignore[arg-type]


def test_every_row_trains_with_its_picture_and_without_a_label(folder: Path) -> None:
    table = captions(captions_per_image=None).read(folder)
    assert table.splits == {"train": 2 * PICTURES}
    assert table.problems == ()
    first = table.samples[0]
    assert (first.id, first.text, first.image) == ("1", "picture 0, caption 0", folder / "album" / "files" / "0.jpg")
    assert {(one.label, one.score) for one in table.samples} == {(None, None)}
    assert first.extra["label"] == "happy"
    assert first.origin.endswith("captions.csv, row 1")
    assert list(table.digests) == ["captions.csv"]


def test_one_caption_a_picture_whatever_folder_it_lies_in(folder: Path, tmp_path: Path) -> None:
    table = captions().read(folder)
    assert [one.group for one in table.samples] == [f"{n}.jpg" for n in range(PICTURES)]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (folder / "album").rename(moved / "album")
    assert [one.text for one in captions().read(moved).samples] == [one.text for one in table.samples]
    assert [one.text for one in captions(seed=1).read(moved).samples] != [one.text for one in table.samples]


def test_the_table_alone_and_its_media_root(folder: Path) -> None:
    whole = captions().read(folder).samples
    file = folder / "album" / "captions.csv"
    assert Captions(columns=COLUMNS).read(file, media_root=folder / "album" / "files").samples == whole
    assert Captions(columns=COLUMNS, media="files").read(folder / "album").samples == whole
    assert len(Captions(columns=COLUMNS).read(file).problems) == 2 * PICTURES


@pytest.mark.parametrize("ending", [".tsv", ".jsonl", ".parquet"])
def test_other_kinds_of_table(folder: Path, ending: str, write_table: Callable[[Path, list[dict[str, str]]], None]) -> None:
    album = folder / "album"
    with (album / "captions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    write_table(album / f"captions{ending}", rows)
    wanted = captions(captions_per_image=None).read(folder)
    found = captions(captions_per_image=None, path=f"album/captions{ending}").read(folder)
    assert [(one.text, one.image) for one in found.samples] == [(one.text, one.image) for one in wanted.samples]


@pytest.fixture
def write_table() -> Callable[[Path, list[dict[str, str]]], None]:
    def write(path: Path, rows: list[dict[str, str]]) -> None:
        if path.suffix == ".parquet":
            import polars

            polars.DataFrame(rows).write_parquet(path)
        elif path.suffix == ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        else:
            lines = [list(rows[0]), *(list(row.values()) for row in rows)]
            path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")

    return write


def test_the_splits_of_the_table_where_they_are_asked_for(folder: Path) -> None:
    table = captions(use_splits=True, columns={**COLUMNS, "split": "part"}).read(folder)
    assert table.splits == {"train": 5, "validation": 2, "test": 2}
    assert table.left_out == {"rows of captions.csv in no split": 2}
    with pytest.raises(DataError, match=r"no column 'split'; name the one that holds the split, --columns split=COLUMN"):
        captions(use_splits=True).read(folder)


def test_rows_that_the_table_holds_out_do_not_train(folder: Path) -> None:
    table = captions(columns={**COLUMNS, "split": "part"}).read(folder)
    assert table.splits == {"train": 5, "validation": 2, "test": 2}
    every = captions(columns={**COLUMNS, "split": "part"}, use_splits=False).read(folder)
    assert every.splits == {"train": 8}, "one caption of each of eight pictures, of all splits"


def test_validation_rows_share_no_picture_with_training_rows(folder: Path) -> None:
    table = captions(captions_per_image=1, validation=3).read(folder)
    assert table.splits == {"train": 6, "validation": 4}
    held = {one.image for one in table.split("validation")}
    assert len(held) == 2
    assert not held & {one.image for one in table.split("train")}
    with pytest.raises(DataError, match="16 of 16 training rows are asked for"):
        captions(validation=16).read(folder)


def test_the_controls_touch_training_rows_alone(folder: Path) -> None:
    paired = captions(validation=2).read(folder)
    shuffled = captions(validation=2, images="shuffled").read(folder)
    assert [one.text for one in shuffled.samples] == [one.text for one in paired.samples]
    for before, after in zip(paired.samples, shuffled.samples, strict=True):
        assert (before.image == after.image) == (after.split == "validation")
    half = captions(images="shuffled", shuffled_share=0.5).read(folder).samples
    own = captions().read(folder).samples
    assert sum(one.image != other.image for one, other in zip(half, own, strict=True)) == PICTURES / 2
    noise = captions(validation=2, images="random").read(folder)
    assert len({one.image.key for one in noise.split("train")}) == PICTURES - 1  # type: ignore[union-attr]
    assert noise.split("validation") == paired.split("validation")
    assert captions(pairs=3).read(folder).splits == {"train": 3}


def test_evaluation_sentences_are_left_out(folder: Path) -> None:
    with (folder / "album" / "captions.csv").open("a", encoding="utf-8") as file:
        file.write("0.jpg,a RED bird !,train,\n")
    write_sick(folder)
    table = captions(captions_per_image=None, exclude=["sick2014"]).read(folder)
    assert table.splits == {"train": 2 * PICTURES}
    assert table.left_out == {"training rows that stand in sick2014": 1}


def test_bad_rows_are_named(folder: Path) -> None:
    path = folder / "album" / "captions.csv"
    path.write_text(
        "id,image,text\n1,0.jpg,sound\n2,gone.jpg,a text\n3,0.jpg, \n4,,a text\n5,../captions.csv,a text\n6,,\n1,1.jpg,again\n",
        encoding="utf-8",
    )
    table = captions(columns=None).read(folder)
    assert [one.id for one in table.samples] == ["1"]
    assert [(one.row, one.field) for one in table.problems] == [
        (2, "image"),
        (3, "text"),
        (4, "image"),
        (5, "image"),
        (6, "row"),
        (7, "id"),
    ]


def test_what_cannot_be_chosen(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"Captions, path: '\.\./x' must lie below"):
        captions(path="../x").read(folder)
    with pytest.raises(RecipeError, match="Captions, media: '/pictures' must lie below"):
        captions(media="/pictures").read(folder)
    with pytest.raises(RecipeError, match="Captions, columns: 'label' is not a field"):
        captions(columns={"label": "label"})
    with pytest.raises(DataError, match=r"no column 'image'; name the one that holds the image, --columns image=COLUMN"):
        captions(columns={"text": "caption"}).read(folder)
    with pytest.raises(DataError, match=r"Captions: .*gone\.csv is not there"):
        captions(path="album/gone.csv").read(folder)
    for choice, message in (
        ({"images": "other"}, "Captions, images: 'other' is not one"),
        ({"pairs": 0}, "Captions, pairs: expected a number from 1 up"),
        ({"captions_per_image": 0}, "Captions, captions_per_image"),
        ({"shuffled_share": 2}, "Captions, shuffled_share"),
        (
            {"shuffled_share": 0.5},
            "Captions, shuffled_share: 0.5 of the pictures .* takes images: shuffled; found images: paired",
        ),
        ({"validation": -1}, "Captions, validation"),
    ):
        with pytest.raises(RecipeError, match=message):
            captions(**choice)


def test_tweets_with_pictures(data_folder: Callable[[str], Path]) -> None:
    root = data_folder("mvsa_single").parent
    table = Captions(path="mvsa_single/mvsa_single.csv", media="images", validation=100).read(root)
    assert sum(table.splits.values()) + len(table.problems) == 4869
    assert 100 <= table.splits["validation"] < 110
    assert all(one.label is None and one.image is not None for one in table.samples)


def test_bad_rows_are_named_before_the_validation_rows_that_they_leave_too_few_for(folder: Path) -> None:
    for n in range(1, PICTURES):
        (folder / "album" / "files" / f"{n}.jpg").unlink()
    with pytest.raises(DataError) as caught:
        captions(validation=4, captions_per_image=None).read(folder)
    said = str(caught.value)
    assert said.startswith("captions.csv: 14 bad rows\n")
    assert "--media-root FOLDER" in said
    assert "`polysense data verify TABLE --corpus Captions` lists all of them" in said
    assert "Of the other rows, validation: all 2 training rows belong together" in said
    assert len(caught.value.problems) == 14


def test_a_table_without_a_sound_row_holds_nothing_out(folder: Path) -> None:
    for n in range(PICTURES):
        (folder / "album" / "files" / f"{n}.jpg").unlink()
    table = captions(validation=4).candidates(folder)
    assert (len(table), len(table.problems)) == (0, 2 * PICTURES)


def test_rows_given_in_python_have_columns_and_splits_and_no_file(folder: Path) -> None:
    files = folder / "album" / "files"
    splits = ("train", "dev", None, "test")
    rows = [{"caption": f"words {n}", "file": files / f"{n}.jpg", "split": split} for n, split in enumerate(splits)]
    given = partial(from_rows, rows, split_seed=None)
    assert Captions(columns=COLUMNS).adopted(given).splits == {"train": 2, "validation": 1, "test": 1}
    placed = Captions(columns=COLUMNS, use_splits=True).adopted(given)
    assert (placed.splits, placed.left_out) == ({"train": 1, "validation": 1, "test": 1}, {"rows in no split": 1})
    assert Captions(columns=COLUMNS, use_splits=False).adopted(given).splits == {"train": 4}
    with pytest.raises(RecipeError, match=r"Captions, media: 'files' says something of files"):
        Captions(media="files", columns=COLUMNS).adopted(given)
