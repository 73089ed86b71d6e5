from __future__ import annotations

import json
from pathlib import Path

import pytest

import record


def test_numbers_are_told_with_their_spread_over_seeds() -> None:
    assert record.spread([2.0]) == {"mean": 2.0, "std": None, "seeds": [2.0]}
    assert record.spread([1.0, 3.0])["std"] == pytest.approx(2**0.5)
    assert record.plus_minus(record.spread([1.0, 3.0])) == "2.000 ± 1.414"
    assert record.plus_minus(record.spread([0.5]), times=100, digits=1) == "50.0"
    found = {"difference": 0.0123, "low": -0.002, "high": 0.0301}
    assert record.difference(found) == "+0.012 (-0.002 to +0.030)"
    assert record.difference(found, times=100, digits=1) == "+1.2 (-0.2 to +3.0)"


def test_a_table_is_markdown() -> None:
    assert record.table(["model", "MAE"], [["one", "0.5"], ["two", "0.7"]]) == [
        "| model | MAE |",
        "|---|---|",
        "| one | 0.5 |",
        "| two | 0.7 |",
    ]


def test_a_result_is_written_for_programs_and_for_people(tmp_path: Path) -> None:
    record.write(tmp_path / "new", "found", {"commit": "abc", "value": 0.5}, "# Found\n")
    assert json.loads((tmp_path / "new/found.json").read_text("utf-8")) == {"commit": "abc", "value": 0.5}
    assert (tmp_path / "new/found.md").read_text("utf-8") == "# Found\n"


def test_the_origin_names_commit_and_machine() -> None:
    assert set(record.origin()) == {"commit", "machine"}
    assert "Python 3" in record.origin()["machine"]
