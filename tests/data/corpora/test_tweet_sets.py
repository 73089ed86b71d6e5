"""TIR, MHP, MSD and MICD, on small files of their layouts."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from polysense.cli.data import recognised
from polysense.data.bad_rows import refuse_or_skip
from polysense.data.corpora.mhp import Mhp
from polysense.data.corpora.micd import Micd
from polysense.data.corpora.msd import Msd
from polysense.data.corpora.tir import RELATIONS, Tir
from polysense.data.corpus import Corpus
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError, display


def write(folder: Path, name: str, header: str, rows: Sequence[str], *, endings: Sequence[str] = (".jpg", ".png")) -> Path:
    """A table, and a picture for each of its rows in turn with each ending."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    for place, row in enumerate(rows):
        Image.new("RGB", (4, 4), (place, 0, 0)).save(folder / "images" / f"{row.split(',')[0]}{endings[place % len(endings)]}")
    return folder


def rows_of(table: Table) -> list[tuple[str, str | None, object, str | None]]:
    return [(one.id, one.text, one.label, one.split) for one in table.samples]


HEADER = "tweet_id,text,label,split"


def test_pictures_are_found_by_the_posts_id(tmp_path: Path) -> None:
    home = write(tmp_path / "micd", "micd", HEADER, ["71,buy this,1,train", "72,my dog,0,dev", "73,look,0,test"])
    for root in (home, tmp_path, home / "micd.csv"):
        table = Micd().read(root)
        assert rows_of(table) == [
            ("71", "buy this", "1", "train"),
            ("72", "my dog", "0", "validation"),
            ("73", "look", "0", "test"),
        ]
        assert [Path(str(one.image)).name for one in table.samples] == ["71.jpg", "72.png", "73.jpg"]


@pytest.mark.parametrize(("corpus", "name", "called"), [(Tir, "tir", "T{}"), (Micd, "micd", "{}_1"), (Mhp, "mhp", None)])
def test_pictures_are_found_as_the_authors_code_names_them(
    tmp_path: Path, corpus: type[Corpus], name: str, called: str | None
) -> None:
    write(tmp_path, name, HEADER, ["71,a,1,train", "72,b,0,dev", "73,c,0,test"])
    for number in (71, 73):
        picture = next((tmp_path / "images").glob(f"{number}.*"))
        picture.rename(picture.with_stem((called or "x{}").format(number)))
    table = corpus().read(tmp_path)
    found = [Path(str(one.image)).name for one in table.samples]
    assert found == (["72.png"] if called is None else [f"{called.format(71)}.jpg", "72.png", f"{called.format(73)}.jpg"])
    Image.new("RGB", (4, 4)).save(tmp_path / "images/71.jpg")
    assert Path(str(corpus().read(tmp_path).samples[0].image)).name == "71.jpg", "the id alone goes before"
    assert all(one.extra == {} for one in table.samples)


def test_sets_of_tweets_are_recognised_by_their_files(tmp_path: Path) -> None:
    for name, corpus in (("tir", "Tir"), ("micd", "Micd"), ("mhp", "Mhp")):
        folder = write(tmp_path / name, name, HEADER, ["71,a,1,train"])
        assert recognised(folder) == corpus
        (folder / f"{name}.csv").rename(folder / f"{name}.jsonl")
        assert recognised(folder) == corpus
        (folder / f"{name}.jsonl").unlink()
        assert recognised(folder) is None
    assert recognised(as_lists(tmp_path / "lists")) == recognised(as_lines(tmp_path / "lines")) == "Msd"


def test_a_missing_picture_is_a_bad_row(tmp_path: Path) -> None:
    write(tmp_path, "micd", HEADER, ["71,a,1,train", "72,b,0,test"])
    (tmp_path / "images/72.png").unlink()
    table = Micd().read(tmp_path)
    assert [(one.row, one.id, one.field) for one in table.problems] == [(2, "72", "image")]
    assert len(table.samples) == 1


def test_an_id_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "micd", HEADER, ["71,a,1,train"])
    Image.new("RGB", (4, 4)).save(tmp_path / "secret.png")
    (tmp_path / "micd.csv").write_text(f"{HEADER}\n../secret,a,1,train\n")
    [problem] = Micd().read(tmp_path).problems
    assert "leaves the data folder" in problem.reason


def test_without_splits_they_are_drawn(tmp_path: Path) -> None:
    write(tmp_path, "micd", "tweet_id,text,label", [f"{number},post {number},{number % 2}" for number in range(40)])
    table = Micd().read(tmp_path)
    assert table.split_made
    assert table.splits == {"train": 32, "validation": 4, "test": 4}


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Micd: .*images is not there; expected in the data folder: micd\.csv"):
        Micd().read(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"micd\.csv is not there"):
        Micd().read(tmp_path)


def test_words_in_the_picture_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "mhp", "tweet_id,text,ocr,label,split", ["5,look,KEEP OUT,2,train", "6,hm,,0,test"])
    assert [one.extra.get("ocr") for one in Mhp().read(tmp_path).samples] == ["KEEP OUT", ""]


def test_four_relations_and_their_halves(tmp_path: Path) -> None:
    write(tmp_path, "tir", HEADER, [f"{number},post {number},{number},train" for number in range(4)])
    labels = {
        task: [one.label for one in Tir(task).read(tmp_path).samples] for task in ("relation", "image_adds", "text_represented")
    }
    assert labels["relation"] == list(RELATIONS)
    assert labels["image_adds"] == ["adds", "adds", "adds nothing", "adds nothing"]
    assert labels["text_represented"] == ["represented", "not represented", "represented", "not represented"]


def test_the_original_two_columns(tmp_path: Path) -> None:
    rows = ["1,a,1,1", "2,b,0,0", "3,c,0,1", "4,d,1,0"]
    write(tmp_path, "tir", "tweet_id,text,image_adds,text_is_represented", rows)
    labels = [one.label for one in Tir().read(tmp_path).samples]
    assert labels == [
        "adds, represented",
        "adds nothing, not represented",
        "adds nothing, represented",
        "adds, not represented",
    ]
    (tmp_path / "tir.csv").write_text("tweet_id,text,image_adds,text_is_represented\n1,a,yes,1\n2,b,0,0\n")
    table = Tir().read(tmp_path)
    assert [str(one) for one in table.problems] == [
        f"{display(tmp_path / 'tir.csv')}, row 1 (id 1), label: image_adds and text_is_represented are 0 or 1, found 'yes' and '1'"
    ]
    assert [one.label for one in table.samples] == ["adds nothing, not represented"]


def test_drawn_splits_know_the_classes_of_the_original_columns(tmp_path: Path) -> None:
    halves = [(0, 0), (0, 1), (1, 0), (1, 1)]
    rows = [f"{number},post {number},{halves[number % 4][0]},{halves[number % 4][1]}" for number in range(80)]
    write(tmp_path, "tir", "tweet_id,text,image_adds,text_is_represented", rows)
    table = Tir().read(tmp_path)
    assert set(Counter(one.label for one in table.split("test")).values()) == {2}


def test_every_other_relation_is_told_and_can_be_skipped(tmp_path: Path) -> None:
    write(tmp_path, "tir", HEADER, ["1,a,4,train", "2,b,1,train", "3,c,adds,train", "4,d,,train"])
    table = Tir().read(tmp_path)
    assert [(one.row, one.id, one.field) for one in table.problems] == [(1, "1", "label"), (3, "3", "label")]
    assert table.problems[0].reason.startswith("'4' is none of 0 to 3, and no class; valid: 'adds nothing, not represented', ")
    assert table.problems[1].reason.startswith("'adds' is none of 0 to 3, and no class; valid: ")
    with pytest.raises(DataError, match=r"tir: 2 bad rows(?s:.*)data verify TABLE --corpus Tir"):
        refuse_or_skip(table, skip_bad_rows=False)
    assert [(one.id, one.label) for one in refuse_or_skip(table, skip_bad_rows=True).samples] == [
        ("2", "adds, not represented"),
        ("4", None),
    ]
    with pytest.raises(RecipeError, match="Tir, task: 'relations' is not one; did you mean 'relation'"):
        Tir("relations")  # type: ignore[arg-type]


TRAIN = [["1", "so much fun", 1], ["2", "what a joke", 1], ["3", "a nice day", 0]]
JUDGED = [["4", "i love rain", 0, 1], ["5", "such a joke", 1, 0]]


def as_lists(folder: Path) -> Path:
    (folder / "text").mkdir(parents=True)
    for name, rows in (("train", TRAIN), ("valid2", JUDGED), ("test2", JUDGED)):
        (folder / f"text/{name}.txt").write_text("\n".join(map(repr, rows)) + "\n")
    return folder


def as_lines(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, rows in (("train", TRAIN), ("valid", JUDGED), ("test", JUDGED)):
        lines = [json.dumps({"id": row[0], "text": row[1], "label": row[-1]}) for row in rows]
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
    return folder


@pytest.mark.parametrize("layout", [as_lists, as_lines])
def test_sarcasm(tmp_path: Path, layout: Callable[[Path], Path]) -> None:
    home = layout(tmp_path / "msd")
    for root in (home, tmp_path):
        table = Msd().read(root)
        assert rows_of(table)[:3] == [
            ("1", "so much fun", "sarcastic", "train"),
            ("3", "a nice day", "not sarcastic", "train"),
            ("4", "i love rain", "sarcastic", "validation"),
        ]
        assert table.splits == {"train": 2, "validation": 2, "test": 2}  # give-away words count in training alone
        assert list(table.left_out.values()) == [1]
    assert Msd(give_aways=True).read(home).splits["train"] == 3


def test_sarcasm_with_pictures(tmp_path: Path) -> None:
    as_lists(tmp_path)
    (tmp_path / "dataset_image").mkdir()
    for name in "134":
        Image.new("RGB", (4, 4)).save(tmp_path / f"dataset_image/{name}.jpg")
    table = Msd().read(tmp_path)
    assert {Path(str(one.image)).name for one in table.samples} == {"1.jpg", "3.jpg", "4.jpg"}
    assert {one.id for one in table.problems} == {"5"}  # 2 has no picture either, and is left out
    assert {one.id for one in Msd(give_aways=True).read(tmp_path).problems} == {"2", "5"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("['1', 'a', 2]", " (id 1), label: '2' is no class; valid: '0', '1'"),
        ("['1', 'a', -1]", " (id 1), label: '-1' is no class; valid: '0', '1'"),
        ("['1']", ", row: no tweet: expected a list of id, text and label, or an object with them"),
        ("print('a')", ", row: no tweet: expected a list of id, text and label, or an object with them (malformed node"),
        ("[", ", row: no tweet: expected a list of id, text and label, or an object with them ('[' was never closed"),
        ("{}", ", row: no tweet: expected a list of id, text and label, or an object with them"),
        ("['9', 'again', 1]", " (id 9), id: the id stands in row 1 too"),
    ],
)
def test_every_line_that_is_no_tweet_is_told_and_can_be_skipped(tmp_path: Path, line: str, problem: str) -> None:
    as_lists(tmp_path)
    (tmp_path / "text/test2.txt").write_text(f"['9', 'fine', 0, 0]\n{line}\n['8', 'well', 1, 1]\n{line}\n")
    table = Msd().read(tmp_path)
    assert [one.row for one in table.problems] == [2, 4]
    file = display(tmp_path / "text/test2.txt")
    assert str(table.problems[0]).startswith(f"{file}, row 2{problem}")
    with pytest.raises(DataError, match="msd: 2 bad rows"):
        refuse_or_skip(table, skip_bad_rows=False)
    assert [one.origin for one in refuse_or_skip(table, skip_bad_rows=True).split("test")] == [
        f"{file}, row 1",
        f"{file}, row 3",
    ]


def test_tweets_that_failed_in_the_papers_code_are_left_out_and_counted(tmp_path: Path) -> None:
    as_lists(tmp_path)
    (tmp_path / "text/train.txt").write_text("['715376758774575105', 'so glad', 1]\n['3', 'a nice day', 0]\n")
    for corpus in (Msd(), Msd(give_aways=True)):
        table = corpus.read(tmp_path)
        assert [one.id for one in table.split("train")] == ["3"]
        assert table.left_out == {"tweets that failed in the code of the auxiliary losses": 1}


def test_the_published_counts(data_folder: Callable[[str], Path]) -> None:
    table = Msd().read(data_folder("msd_sarcasm_text"))
    assert table.splits == {"train": 19816 - 3, "validation": 2410, "test": 2409}
    assert sorted(table.left_out.values()) == [3, 9224]
    assert table.problems == ()
