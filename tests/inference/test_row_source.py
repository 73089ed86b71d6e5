from __future__ import annotations

import gzip
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from polysense.errors import DataError, RecipeError
from polysense.inference.row_source import Lines, TableRows, open_rows
from polysense.types import Sample


def lines(path: Path, content: bytes, **options: str) -> Lines:
    path.write_bytes(content)
    return Lines(path, **options)


def rows(source: Lines) -> list[str]:
    return [row for block in source.blocks(2) for row in block if isinstance(row, str)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\r\n\r\ntwo\r\n", ["one", "", "two"]),
        (b"one\n \t\n\ntwo\n\n", ["one", "", "", "two", ""]),
        ("\ufeffone\n".encode(), ["one"]),
        ("one\u2028still\x0bone\x85\ntwo\n".encode(), ["one\u2028still\x0bone\x85", "two"]),
        (b"a\rb\n", ["a\rb"]),
    ],
)
def test_lines_end_at_a_line_feed_alone(tmp_path: Path, content: bytes, expected: list[str]) -> None:
    source = lines(tmp_path / "s.txt", content)
    assert rows(source) == expected
    assert source.rows == len(expected)
    assert [source.name(row) for row in range(source.rows)] == [str(row + 1) for row in range(source.rows)]


def test_blank_lines_are_counted(tmp_path: Path) -> None:
    assert lines(tmp_path / "s.txt", b"a\n\n\nb\n").blank == 2
    assert lines(tmp_path / "t.txt", b"a\nb\n").blank == 0


def test_blocks_begin_where_they_are_told(tmp_path: Path) -> None:
    source = lines(tmp_path / "s.txt", b"0\n1\n2\n3\n4\n")
    assert list(source.blocks(2, start=1)) == [["1", "2"], ["3", "4"]]
    assert list(source.blocks(2, start=5)) == []


def test_other_lines_or_another_encoding_are_another_digest(tmp_path: Path) -> None:
    one, other = lines(tmp_path / "a.txt", b"a\n"), lines(tmp_path / "b.txt", b"b\n")
    assert one.digest != other.digest
    assert one.digest == lines(tmp_path / "c.txt", b"a\n").digest
    assert one.digest != lines(tmp_path / "c.txt", b"a\n", encoding="latin-1").digest


def test_other_encodings(tmp_path: Path) -> None:
    assert rows(lines(tmp_path / "a.txt", "café\nb".encode("latin-1"), encoding="latin-1")) == ["café", "b"]
    assert rows(lines(tmp_path / "b.txt", "café\nb".encode("utf-16"), encoding="utf-16")) == ["café", "b"]


@pytest.mark.parametrize(
    ("content", "options", "error", "said"),
    [
        (b"", {}, DataError, "s.txt is empty"),
        (b"\n \n", {}, DataError, "s.txt holds nothing but blank lines"),
        (b"fine\n" * 5000 + b"caf\xe9\n", {}, DataError, "is not UTF-8: line 5001 holds the byte 0xE9; name its encoding"),
        (b"a\nb\0\n", {}, DataError, "line 2 holds null bytes"),
        (b"a\n", {"encoding": "utf-9"}, RecipeError, "'utf-9' is not known"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes, options: dict[str, str], error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        lines(tmp_path / "s.txt", content, **options)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("a line of some length\n" * 200_000)
    tracemalloc.start()
    source = Lines(tmp_path / "s.txt")
    assert sum(len(block) for block in source.blocks(1000)) == 200_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


# --- packed files ---


def test_a_packed_file_is_read_like_the_one_in_it(tmp_path: Path) -> None:
    content = b"one\r\n\ncaf\xe9\n"
    source = open_rows(packed(tmp_path / "s.TXT.gz", content), encoding="latin-1")
    assert isinstance(source, Lines)
    assert rows(source) == ["one", "", "café"]
    assert (source.rows, source.blank) == (3, 1)
    with pytest.raises(DataError, match=r"s\.txt\.gz is not UTF-8: line 3 holds the byte 0xE9"):
        open_rows(packed(tmp_path / "s.txt.gz", content))


def test_what_unpacks_to_much_more_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polysense.inference.row_source.LONGEST", 100_000)
    bomb = packed(tmp_path / "s.txt.gz", b"one\n" + b" " * 20_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"s\.txt\.gz: line 2 has more than 100,000 characters"):
        open_rows(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize("damage", [lambda data: data[:-12], lambda data: b"no gzip", lambda data: data[:12] + b"\xff" * 20])
def test_a_damaged_packed_file(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = packed(tmp_path / "s.txt.gz", b"one\n" * 900)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=r"s\.txt\.gz is damaged, or was cut off: "):
        open_rows(file)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl.ZST", "t.zip"])
def test_a_packed_table_is_to_be_unpacked(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{re.escape(name)} is packed, and is not read so: unpack it"):
        open_rows(packed(tmp_path / name, b"text\none\n"))


def packed(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


def test_a_table_gives_its_samples(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,text\nx,one\ny,two\n")
    source = open_rows(tmp_path / "t.csv")
    assert isinstance(source, TableRows)
    [block] = source.blocks(9)
    assert [row.text for row in block if isinstance(row, Sample)] == ["one", "two"]
    assert [source.name(row) for row in range(2)] == ["x", "y"]


def test_a_text_file_has_no_columns(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("a\n")
    with pytest.raises(RecipeError, match="a text file has no columns"):
        open_rows(tmp_path / "s.txt", columns={"text": "tweet"})
