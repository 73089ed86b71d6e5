from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import polars
import pytest

from polysense.data.tablefile import read_raw
from polysense.errors import DataError, Problem, RecipeError
from polysense.knowledge.texts import read_stream, read_texts


def test_every_format_gives_its_texts(tmp_path: Path) -> None:
    texts = ['one, "quoted"', "two\u2028halves", "drei é"]
    (tmp_path / "a.txt").write_text("\ufeff" + "\r\n".join([texts[0], "", *texts[1:]]) + "\n", "utf-8")
    with gzip.open(tmp_path / "a.txt.gz", "wb") as file:
        file.write((tmp_path / "a.txt").read_bytes())
    (tmp_path / "a.csv").write_text('id,text\n1,"one, ""quoted"""\n2,two\u2028halves\n3,\n4,drei é\n', "utf-8")
    (tmp_path / "a.tsv").write_text('id\ttext\n1\t"one, ""quoted"""\n2\ttwo\u2028halves\n3\tdrei é\n', "utf-8")
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in [*texts, None]]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    polars.DataFrame({"text": [*texts, None]}).write_parquet(tmp_path / "a.parquet")
    for ending in ("txt", "txt.gz", "csv", "tsv", "jsonl", "parquet"):
        assert list(read_texts(tmp_path / f"a.{ending}")) == texts, ending


def test_another_column_and_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("tweet,x\ncaf\xe9,1\n".encode("latin-1"))
    assert list(read_texts(tmp_path / "a.csv", column="tweet", encoding="latin-1")) == ["café"]


def test_a_stream_is_read_line_by_line() -> None:
    assert list(read_stream(io.BytesIO(b"one\n\ntwo"))) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", b"", "holds no text"),
        ("a.txt", b"\n \n", "holds no text"),
        ("a.txt", b"one\ncaf\xe9\n", "is not UTF-8: line 2 holds the byte 0xE9"),
        ("a.txt", b"one\0\n", "line 1 holds null bytes"),
        ("a.csv", b"id,tweet\n1,x\n", r"a\.csv: there is no column 'text'; .*'tweet'; name the one"),
        ("a.csv", b'text\n"open\n', r"row 1, row: .*quotation mark not closed.*; --skip-bad-rows goes on"),
        ("a.csv", b'"text\nopen\n', r"a\.csv, header: .*quotation mark not closed"),
        ("a.csv", b"id,text\n1,one, two\n", r"row 1, row: 3 cells where the header has 2 \(line 2\)"),
        ("a.tsv", b"id\ttext\n1\tone\n2\n", r"row 2, row: 1 cell where the header has 2 \(line 3\)"),
        ("a.txt.gz", gzip.compress(b"one\n" * 99, mtime=0)[:-9], "is damaged, or was cut off"),
        ("a.txt.gz", b"one\n", "cannot be read: Not a gzipped file"),
        ("a.jsonl", b'{"text": "x"}\n{"txt": "y"}\n', "row 2, row: there is no column 'text'; did you mean 'txt'"),
        ("a.jsonl", b"{\n", "row 1, row: not JSON"),
        ("a.jsonl", b"[1]\n", "row 1, row: a JSON object"),
        ("a.jsonl", b'{"text": 3}\n', "row 1, text: int"),
        ("a.parquet", b"nothing", "as Parquet"),
    ],
)
def test_unusable_files_are_refused_with_their_line(name: str, data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=message):
        list(read_texts(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "encoding", "message"),
    [("a.pdf", "utf-8", "'.txt'"), ("a.txt", "utf8x", "not known"), ("a.txt", "utf-16", "as UTF-8")],
)
def test_unknown_formats_and_encodings_are_refused(name: str, encoding: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(RecipeError, match=message):
        list(read_texts(tmp_path / name, encoding=encoding))


@pytest.mark.parametrize(
    ("name", "data", "skipped"),
    [
        ("a.jsonl", b'{"text": "one"}\n{"text": \n{"text": " "}\n{"text": 3}\n{}\n{"text": "two"}\n', [2, 3, 4, 5]),
        ("a.csv", b'id,text\n1,one\n2\n\n3,""\n4,"a"b\n5,two\n', [2, 3, 4]),
        ("a.tsv", b"id\ttext\n1\tone\n2\n3\t\n4\ttwo\n", [2, 3]),
        ("a.txt", b"one\n\ntwo\n", []),
    ],
)
def test_bad_rows_are_told_of_and_left_out(name: str, data: bytes, skipped: list[int], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    told: list[Problem] = []
    assert list(read_texts(tmp_path / name, skip=told.append)) == ["one", "two"]
    assert [problem.row for problem in told] == skipped


def test_where_no_row_can_be_used_the_first_one_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"txt": "x"}\n{\n', "utf-8")
    with pytest.raises(DataError, match=r"holds no text that can be used\. .*row 1, row: there is no column 'text'"):
        list(read_texts(tmp_path / "a.jsonl", skip=[].append))


def test_tabs_with_stray_quotes_are_read_as_tables_are(tmp_path: Path) -> None:
    """With quoting where it fits, also over lines; else quotation marks are characters like any other."""
    (tmp_path / "stray.tsv").write_text('label\ttext\n1\t"so" they say\n0\t"open\n1\tfine\n', "utf-8")
    (tmp_path / "quoted.tsv").write_text('label\ttext\n1\t"two\nlines, a ""mark"" and a\ttab"\n0\tfine\n', "utf-8")
    assert list(read_texts(tmp_path / "stray.tsv")) == ['"so" they say', '"open', "fine"]
    assert list(read_texts(tmp_path / "quoted.tsv")) == ['two\nlines, a "mark" and a\ttab', "fine"]
    for name in ("stray.tsv", "quoted.tsv"):
        assert list(read_texts(tmp_path / name)) == [cells["text"] for _, cells in read_raw(tmp_path / name).rows]


def test_chnsenticorp_is_read_as_it_is_published(data_folder: Callable[[str], Path]) -> None:
    file = data_folder("chnsenticorp") / "train.tsv"
    assert list(read_texts(file, column="text_a")) == [cells["text_a"] for _, cells in read_raw(file).rows]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_texts(tmp_path / "none.txt")
