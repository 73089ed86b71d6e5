from __future__ import annotations

import json
from pathlib import Path

import pytest

from polysense.cli.main import execute
from polysense.knowledge import NEGATIVE, POSITIVE, Entry, Knowledge, Pair

KNOWLEDGE = Knowledge(
    {"good": Entry(1.0, POSITIVE), "bad": Entry(-1.0, NEGATIVE)},
    {("soup", "bad"): Pair(2, NEGATIVE), ("staff", "good"): Pair(2, POSITIVE), ("$5 deal", "bad"): Pair(2, NEGATIVE)},
)


@pytest.fixture
def knowledge(tmp_path: Path) -> str:
    return str(KNOWLEDGE.write(tmp_path / "knowledge"))


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text("id,text,shop\na,The staff is good,1\nb,A bad soup <b>,2\nc,Fine,1\n", "utf-8")
    return path


def test_a_table_becomes_lines_a_summary_and_a_page(reviews: Path, knowledge: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "analysis"
    assert execute(["analyze", str(reviews), "--out", str(out), "--knowledge", knowledge]) == 0
    shown = capsys.readouterr()
    assert "3 reviews: 1 positive, 1 negative, 1 neutral" in shown.out
    assert {path.name for path in out.iterdir()} == {"reviews.jsonl", "summary.json", "report.html"}
    lines = [json.loads(line) for line in (out / "reviews.jsonl").read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines] == ["a", "b", "c"]
    assert lines[0]["aspects"][0]["text"] == "staff"
    assert lines[2] == {
        "id": "c",
        "text": "Fine",
        "opinion": {"label": "neutral", "probabilities": None},
        "aspects": [],
        "error": None,
    }
    page = (out / "report.html").read_text("utf-8")
    assert "<b>staff</b><sup> positive</sup>" in page
    assert "soup</b>" in page
    assert "&lt;b&gt;" in page
    assert "<svg" in page
    assert str(tmp_path) not in page


def test_json_is_the_summary(reviews: Path, knowledge: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "analysis"
    assert execute(["analyze", str(reviews), "--out", str(out), "--knowledge", knowledge, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "summary.json").read_text("utf-8"))
    assert {one["aspect"]: one["labels"] for one in printed["aspects"]} == {"staff": {"positive": 1}, "soup": {"negative": 1}}


def test_a_text_file_and_writing_over(knowledge: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "reviews.txt"
    path.write_text("bad soup\n\ngood staff\n", "utf-8")
    command = ["analyze", str(path), "--out", str(tmp_path / "analysis"), "--knowledge", knowledge]
    assert execute(command) == 0
    assert execute(command) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert execute([*command, "--overwrite"]) == 0


def test_what_is_missing_is_said(reviews: Path, knowledge: str, tmp_path: Path, capsys) -> None:
    out = ["--out", str(tmp_path / "analysis")]
    assert execute(["analyze", str(reviews), *out]) == 2
    assert "name --knowledge, --polarity or --terms" in capsys.readouterr().err
    assert execute(["analyze", str(reviews), *out, "--knowledge", str(tmp_path / "nowhere")]) == 3
    assert execute(["analyze", str(reviews), *out, "--knowledge", knowledge, "--columns", "text=words"]) == 3
    assert "words" in capsys.readouterr().err
    assert not (tmp_path / "analysis").exists()
