from __future__ import annotations

from pathlib import Path

import pytest

from polysense.data.json_file import read_lines, read_object
from polysense.errors import DataError


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "file.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_an_object(tmp_path: Path) -> None:
    assert read_object(written(tmp_path, '{"a": [1, "ü"]}')) == {"a": [1, "ü"]}
    assert read_object(tmp_path / "nothing.json") == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", r"not JSON \(.+\)"),
        ("", r"not JSON \(.+\)"),
        ("[1]", "it holds no object"),
        ('{"a":' * 100_000, "maximum recursion depth exceeded"),
        (b'{"a": "\xff"}', r"not UTF-8 text \(.+ at byte 7\)"),
    ],
)
def test_a_damaged_object_is_named(tmp_path: Path, content: str | bytes, reason: str) -> None:
    with pytest.raises(DataError, match=rf"file\.json is damaged: {reason}"):
        read_object(written(tmp_path, content))


def test_lines(tmp_path: Path) -> None:
    assert read_lines(written(tmp_path, '{"a": 1}\n{"a": 2}\n')) == [{"a": 1}, {"a": 2}]
    assert read_lines(written(tmp_path, '{"a": 1}\n{"a": 2}')) == [{"a": 1}, {"a": 2}]
    assert read_lines(written(tmp_path, "")) == []
    assert read_lines(tmp_path / "nothing.jsonl") == []


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    assert read_lines(written(tmp_path, '{"a": "one\u2028two\x85"}\n')) == [{"a": "one\u2028two\x85"}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"a": 1}\n{"a', r"row 2: not JSON \(.+\)"),
        ('{"a": 1}\n\n{"a": 2}\n', r"row 2: not JSON \(.+\)"),
        ('{"a": 1}\n7\n', "row 2: expected an object"),
        ('{"a": 1}\n' + "[" * 100_000, "row 2: maximum recursion depth exceeded"),
        (b'{"a": 1}\n"\xff"\n', r"row 2: not UTF-8 text \(.+ at byte 1\)"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, content: str | bytes, reason: str) -> None:
    with pytest.raises(DataError, match=rf"file\.json, {reason}"):
        read_lines(written(tmp_path, content))


@pytest.mark.parametrize("end", [b'{"a', b'{"a": "\xc3', b'"half'])
def test_a_last_line_that_was_cut_off_may_be_left_out(tmp_path: Path, end: bytes) -> None:
    assert read_lines(written(tmp_path, b'{"a": 1}\n' + end), may_be_cut_off=True) == [{"a": 1}]
    with pytest.raises(DataError, match="row 1: not JSON"):
        read_lines(written(tmp_path, b'{"a\n{"a": 1}\n' + end), may_be_cut_off=True)
