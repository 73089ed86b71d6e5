from __future__ import annotations

from pathlib import Path

import pytest

from polysense.data.folders import set_folder
from polysense.data.lines import read_lines
from polysense.errors import DataError


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\n\nb\n\n", ["a", "", "b", ""]),
        ("\ufeffa\nb".encode(), ["a", "b"]),
        ("a\u2028b\x0bc\x85d\x1ce\rf\n".encode(), ["a\u2028b\x0bc\x85d\x1ce\rf"]),
    ],
)
def test_lines_end_at_the_newline_alone(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    assert read_lines(tmp_path / "x.txt") == lines


def test_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes("une\ncafé\n".encode("latin-1"))
    assert read_lines(tmp_path / "x.txt", encoding="latin-1") == ["une", "café"]
    with pytest.raises(DataError, match=r"x\.txt is not UTF-8: line 2 holds the byte 0xE9"):
        read_lines(tmp_path / "x.txt")


@pytest.mark.parametrize("content", [b"", b"\n", b"  \r\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.txt is empty"):
        read_lines(tmp_path / "x.txt")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.txt cannot be read: No such file"):
        read_lines(tmp_path / "gone.txt")


def test_a_data_set_lies_in_its_own_folder_or_among_others(tmp_path: Path) -> None:
    (tmp_path / "sts_b").mkdir()
    assert set_folder(tmp_path, "sts_b") == tmp_path / "sts_b"
    assert set_folder(tmp_path / "sts_b", "sts_b") == tmp_path / "sts_b"


def test_null_bytes_are_named_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"one\ntwo\0\n")
    with pytest.raises(DataError, match="is not a text file: line 2 holds null bytes"):
        read_lines(tmp_path / "x.txt")
