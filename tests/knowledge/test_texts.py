from __future__ import annotations

import io
import json
from pathlib import Path

import polars
import pytest

from polysense.errors import DataError, RecipeError
from polysense.knowledge.texts import read_stream, read_texts


def test_every_format_gives_its_texts(tmp_path: Path) -> None:
    texts = ['one, "quoted"', "two\u2028halves", "drei é"]
    (tmp_path / "a.txt").write_text("\ufeff" + "\r\n".join([texts[0], "", *texts[1:]]) + "\n", "utf-8")
    (tmp_path / "a.csv").write_text('id,text\n1,"one, ""quoted"""\n2,two\u2028halves\n3,\n4,drei é\n', "utf-8")
    (tmp_path / "a.tsv").write_text('id\ttext\n1\t"one, ""quoted"""\n2\ttwo\u2028halves\n3\tdrei é\n', "utf-8")
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in [*texts, None]]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    polars.DataFrame({"text": [*texts, None]}).write_parquet(tmp_path / "a.parquet")
    for ending in ("txt", "csv", "tsv", "jsonl", "parquet"):
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
        ("a.csv", b"id,tweet\n1,x\n", "no column 'text'; .*'tweet'"),
        ("a.csv", b'text\n"open\n', "quotation mark"),
        ("a.jsonl", b'{"text": "x"}\n{"txt": "y"}\n', "line 2 has no column 'text'; did you mean 'txt'"),
        ("a.jsonl", b"{\n", "line 1: not JSON"),
        ("a.jsonl", b"[1]\n", "line 1: a JSON object"),
        ("a.jsonl", b'{"text": 3}\n', "line 1, text: int"),
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


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_texts(tmp_path / "none.txt")
