"""Whatever is wrong with a user's table, the commands say what and where, end with 3, and lose nothing."""

from __future__ import annotations

import csv
import json
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from polysense.cli.main import execute

COLUMNS = ("id", "text", "image", "label", "split", "score")
ODD = 5
"""The row in which each case puts something wrong; it is one for training."""

Rows = list[dict[str, str]]


@pytest.fixture
def data(toy_posts: Path, tmp_path: Path) -> tuple[Path, Rows]:
    """A folder with the toy pictures, and the rows that a case changes before they are written to its ``posts.csv``."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copytree(toy_posts / "images", folder / "images")
    with (toy_posts / "posts.csv").open(encoding="utf-8", newline="") as file:
        rows = [{name: row.get(name, "0.5") for name in COLUMNS} for row in csv.DictReader(file)]
    rows.sort(key=lambda row: row["split"] != "train")
    return folder, rows


def write(folder: Path, rows: Rows, *, columns: tuple[str, ...] = COLUMNS, encoding: str = "utf-8") -> None:
    with (folder / "posts.csv").open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def huge_png() -> bytes:
    """The header of a picture of 30,000 x 30,000 pixels, which would take 2.7 GB, and a few bytes of data."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def cell(column: str, value: str) -> Callable[[Path, Rows], None]:
    def change(folder: Path, rows: Rows) -> None:
        rows[ODD - 1][column] = value
        write(folder, rows)

    return change


def picture(content: Callable[[bytes], bytes], name: str = "odd.jpg") -> Callable[[Path, Rows], None]:
    """The odd row's picture is made of the bytes of a good one."""

    def change(folder: Path, rows: Rows) -> None:
        good = (folder / rows[ODD - 1]["image"]).read_bytes()
        (folder / "images" / name).write_bytes(content(good))
        cell("image", f"images/{name}")(folder, rows)

    return change


def without_column(name: str) -> Callable[[Path, Rows], None]:
    return lambda folder, rows: write(folder, rows, columns=tuple(column for column in COLUMNS if column != name))


def content(text: str) -> Callable[[Path, Rows], None]:
    """A table with this in it."""

    def change(folder: Path, rows: Rows) -> None:
        (folder / "posts.csv").write_text(text, "utf-8")

    return change


def nothing_usable(folder: Path, rows: Rows) -> None:
    rows[ODD - 1].update(text="", image="")
    write(folder, rows)


def one_class(folder: Path, rows: Rows) -> None:
    write(folder, [row | {"label": "positive"} for row in rows])


def latin_1(folder: Path, rows: Rows) -> None:
    rows[ODD - 1]["text"] = "un café très bon"
    write(folder, rows, encoding="latin-1")


@dataclass(frozen=True)
class Case:
    change: Callable[[Path, Rows], None]
    says: tuple[str, ...]
    """Words of the message, beside the file's name."""
    row: bool = True
    """Whether one row is at fault, which is then named and may be skipped."""
    sets: tuple[str, ...] = ()
    verify_finds: bool = True
    """Whether `data verify` finds it too: it knows no recipe."""


CASES = {
    "no column for the label": Case(without_column("label"), ("there is no column 'label'",), row=False, verify_finds=False),
    "no column for the picture": Case(without_column("image"), ("there is no column 'image'",), row=False, verify_finds=False),
    "no column at all that is known": Case(
        content("tweet,photo\nhello,a.jpg\n"),
        ("has none of the columns 'text', 'image'",),
        row=False,
    ),
    "a missing picture": Case(cell("image", "images/gone.jpg"), ("image", "gone.jpg does not exist")),
    "a truncated JPEG": Case(picture(lambda good: good[: len(good) // 2]), ("image", "odd.jpg is truncated or damaged")),
    "an empty picture file": Case(picture(lambda good: b""), ("image", "odd.jpg is an empty file")),
    "a picture of 30,000 x 30,000": Case(
        picture(lambda good: huge_png(), "odd.png"), ("image", "odd.png", "pixels", "64,000,000")
    ),
    "a text file called .jpg": Case(
        picture(lambda good: b"I am a text, whatever my name is."), ("image", "odd.jpg is not a picture (it holds text)")
    ),
    "an empty file": Case(content(""), ("is empty",), row=False),
    "an empty table": Case(lambda folder, rows: write(folder, []), ("has a header but no rows",), row=False),
    "one class only": Case(one_class, ("all training rows have the one class 'positive'",), row=False),
    "a label outside the recipe's list": Case(
        cell("label", "postive"),
        ("label", "'postive' is not among the classes; did you mean 'positive'"),
        sets=("objectives.classification.objective.labels=[negative, neutral, positive]",),
        verify_finds=False,
    ),
    "NaN for a score": Case(cell("score", "nan"), ("score", "'nan' is not a finite number")),
    "a word for a score": Case(cell("score", "good"), ("score", "'good' is not a number")),
    "a path that leaves the folder": Case(cell("image", "../outside.jpg"), ("image", "leaves the data folder", "media")),
    "a file in Latin-1": Case(latin_1, ("is not UTF-8", f"line {ODD + 1} (row {ODD})", "latin-1"), row=False),
    "a row with nothing usable": Case(nothing_usable, ("nothing usable",)),
    "a split that is none": Case(cell("split", "trian"), ("split", "'trian' is not a split; did you mean 'train'")),
    "the same id twice": Case(cell("id", "toy-0001"), ("id", "stands in row")),
}


def arguments(command: str, folder: Path, out: Path, case: Case, encoders: list[str]) -> list[str]:
    if command == "verify":
        return ["data", "verify", str(folder)]
    sets = [part for override in [*encoders, *case.sets] for part in ("--set", override)]
    return ["train", "social/posts_concat", "--data", str(folder), "--out", str(out), *sets]


@pytest.mark.parametrize(
    ("command", "name"),
    [("train", name) for name in CASES] + [("verify", name) for name, case in CASES.items() if case.verify_finds],
)
def test_it_is_named_with_file_and_row_and_nothing_is_written(
    data: tuple[Path, Rows],
    tiny_encoders: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    command: str,
) -> None:
    case = CASES[name]
    folder, rows = data
    case.change(folder, rows)
    shutil.copy(next((folder / "images").glob("toy-*.jpg")), tmp_path / "outside.jpg")
    before = sorted(tmp_path.rglob("*"))
    assert execute(arguments(command, folder, tmp_path / "run", case, tiny_encoders)) == 3
    captured = capsys.readouterr()
    said = captured.err + (captured.out if command == "verify" else "")
    for words in ("posts.csv", *case.says, *([f"posts.csv, row {ODD}"] if case.row and command == "train" else [])):
        assert words in said, words
    assert str(ODD) in said or not case.row
    assert "Traceback" not in said
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.row])
def test_bad_rows_are_skipped_and_listed_where_that_is_asked_for(
    data: tuple[Path, Rows],
    tiny_encoders: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setattr("polysense.report.write_report", lambda run: run)  # takes longer than this training
    case = CASES[name]
    folder, rows = data
    case.change(folder, rows)
    few = [*tiny_encoders, "training.max_steps=1"]
    assert execute([*arguments("train", folder, tmp_path / "run", case, few), "--skip-bad-rows"]) == 0
    said = capsys.readouterr().err
    skipped = [line for line in said.splitlines() if line.startswith("skipped: ")]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert len(skipped) == len(record["skipped_rows"]) == 1
    assert f"posts.csv, row {record['skipped_rows'][0]['row']}" in skipped[0]
    assert sum(record["data"]["splits"].values()) == len(rows) - 1
    for words in case.says:
        assert words in skipped[0]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.row])
def test_what_is_wrong_with_the_whole_table_cannot_be_skipped(
    data: tuple[Path, Rows], tiny_encoders: list[str], tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    case.change(*data)
    assert execute([*arguments("train", data[0], tmp_path / "run", case, tiny_encoders), "--skip-bad-rows"]) == 3
    assert not (tmp_path / "run").exists()


def test_every_bad_row_is_listed_at_once(
    data: tuple[Path, Rows], tiny_encoders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, rows = data
    rows[1]["image"] = "images/gone.jpg"
    rows[3]["split"] = "trian"
    (folder / "images" / "half.jpg").write_bytes((folder / rows[0]["image"]).read_bytes()[:500])
    rows[8]["image"] = "images/half.jpg"
    write(folder, rows)
    assert execute(arguments("train", folder, tmp_path / "run", Case(write, ()), tiny_encoders)) == 3
    said = capsys.readouterr().err
    assert "posts.csv: 3 bad rows" in said
    for row in (2, 4, 9):
        assert f"posts.csv, row {row} " in said
    assert "--skip-bad-rows" in said


def test_a_whole_table_of_bad_rows_says_why(
    data: tuple[Path, Rows], tiny_encoders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, rows = data
    shutil.rmtree(folder / "images")
    write(folder, rows)
    for options in ([], ["--skip-bad-rows"]):
        assert execute([*arguments("train", folder, tmp_path / "run", Case(write, ()), tiny_encoders), *options]) == 3
        said = capsys.readouterr().err
        assert "posts.csv, 64 rows, image: " in said
        assert "(row 1, id toy-0" in said
        assert ".jpg does not exist" in said
    assert not (tmp_path / "run").exists()
