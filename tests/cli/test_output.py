from __future__ import annotations

import json
from pathlib import Path
from time import sleep

import pytest

from polysense.cli.output import print_json, print_table, progress


def test_a_table_is_aligned_with_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "rows", "f1"), [("a", 5, 0.5), ("longer", 12, 0.25)])
    assert capsys.readouterr().out.splitlines() == [
        "name    rows      f1",
        "------  ----  ------",
        "a          5  0.5000",
        "longer    12  0.2500",
    ]


def test_a_wide_character_takes_two_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("word", "n"), [("天气", 1), ("rain", 2)])
    assert capsys.readouterr().out.splitlines()[2:] == ["天气  1", "rain  2"]


def test_a_table_without_rows_still_names_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "rows"), [])
    assert capsys.readouterr().out.splitlines() == ["name  rows", "----  ----"]


def test_json_has_no_nan_and_keeps_characters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"f1": float("nan"), "low": [float("-inf"), 1.5], "file": Path("a/b"), "text": "é"})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"f1": None, "low": [None, 1.5], "file": "a/b", "text": "é"}
    assert "é" in shown


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", "rows") as advance:
        advance(1, 2)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_progress_in_a_terminal_shows_the_count_on_stderr(capsys, monkeypatch) -> None:
    import sys

    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress("reading", "rows") as advance:
        advance(1, 2)
        sleep(0.15)  # a bar is redrawn ten times a second
        advance(2, 2)
    captured = capsys.readouterr()
    assert "2/2" in captured.err
    assert captured.out == ""
    with progress("reading", "rows", quiet=True) as advance:
        advance(1, 2)
    assert capsys.readouterr().err == ""
