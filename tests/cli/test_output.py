from __future__ import annotations

import json
from pathlib import Path

import pytest

from polysense.cli.output import print_json, print_table


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


def test_a_column_of_numbers_may_have_gaps(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "f1"), [("a", 0.5), ("b", None)])
    assert capsys.readouterr().out.splitlines() == ["name      f1", "----  ------", "a     0.5000", "b"]
