from __future__ import annotations

import json
from pathlib import Path

import pytest

from polysense.data.json_file import read_lines
from polysense.training.journal import Journal


def filled(folder: Path) -> Journal:
    journal = Journal(folder)
    for step in range(1, 6):
        journal.step({"step": step, "epoch": step / 5, "loss": 1 / step, "terms": {"classification": float(step)}})
        if step % 2 == 0:
            journal.evaluation({"step": step, "epoch": step / 5, "metrics": {"accuracy": step / 10}})
    return journal


def numbers(file: Path) -> list[int]:
    return [line["step"] for line in read_lines(file, may_be_cut_off=True)]


def test_lines_are_written_at_once(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    assert numbers(tmp_path / "journal.jsonl") == [1, 2, 3, 4, 5]
    assert numbers(tmp_path / "evaluations.jsonl") == [2, 4]
    assert journal.last_step["terms"] == {"classification": 5.0}
    assert journal.evaluations[-1]["metrics"] == {"accuracy": 0.4}


def test_resuming_cuts_back_to_the_step(tmp_path: Path) -> None:
    filled(tmp_path)
    journal = Journal(tmp_path, resumed=3)
    assert numbers(tmp_path / "journal.jsonl") == [1, 2, 3]
    assert numbers(tmp_path / "evaluations.jsonl") == [2]
    assert journal.last_step["step"] == 3
    assert [line["step"] for line in journal.earlier] == [1, 2, 3]
    assert [line["step"] for line in journal.evaluations] == [2]


def test_starting_anew_empties_it(tmp_path: Path) -> None:
    filled(tmp_path)
    assert Journal(tmp_path).last_step == {"epoch": 0.0, "terms": {}}
    assert (tmp_path / "journal.jsonl").read_text() == ""


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path: Path) -> None:
    filled(tmp_path)
    file = tmp_path / "journal.jsonl"
    file.write_text(file.read_text()[:-20])
    assert numbers(file) == [1, 2, 3, 4]
    Journal(tmp_path, resumed=5).step({"step": 5, "epoch": 1.0, "loss": 0.2, "terms": {}})
    assert [json.loads(line)["step"] for line in file.read_text().splitlines()] == [1, 2, 3, 4, 5]


def test_numbers_come_back_to_the_last_bit(tmp_path: Path) -> None:
    Journal(tmp_path).step({"step": 1, "loss": 0.1 + 0.2, "terms": {}})
    assert read_lines(tmp_path / "journal.jsonl")[0]["loss"] == 0.1 + 0.2


def test_both_files_are_forced_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = filled(tmp_path)
    settled: list[str] = []
    monkeypatch.setattr("polysense.training.journal.settle", lambda file: settled.append(file.name))
    journal.settle()
    assert settled == ["journal.jsonl", "evaluations.jsonl"]
