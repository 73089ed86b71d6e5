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
        "target": None,
        "extra": {"shop": "1"},
        "cut": False,
        "without_evidence": True,
    }
    assert "1 of 3 reviews holds no word of the lexicon" in shown.out
    assert "warning" not in shown.err
    page = (out / "report.html").read_text("utf-8")
    assert "<b>staff</b><sup> positive</sup>" in page
    assert "soup</b>" in page
    assert "1 of 3 reviews holds no word of the lexicon" in page
    assert "&lt;b&gt;" in page
    assert "<svg" in page
    assert str(tmp_path) not in page


def test_json_is_the_summary(reviews: Path, knowledge: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "analysis"
    assert execute(["analyze", str(reviews), "--out", str(out), "--knowledge", knowledge, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "summary.json").read_text("utf-8"))
    assert {one["aspect"]: one["labels"] for one in printed["aspects"]} == {"staff": {"positive": 1}, "soup": {"negative": 1}}


def test_reviews_of_another_language_are_told_of(knowledge: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "reviews.txt"
    command = ["analyze", str(path), "--out", str(tmp_path / "analysis"), "--knowledge", knowledge, "--overwrite"]
    path.write_text("Das Personal war gut\nDie Suppe nicht\nbad\n", "utf-8")
    assert execute(command) == 0
    shown = capsys.readouterr()
    assert "2 of 3 reviews hold no word of the lexicon" in shown.out
    assert (
        "warning: most reviews hold no word of the lexicon, whose language is English: is it that of the reviews?" in shown.err
    )
    assert json.loads((tmp_path / "analysis/summary.json").read_text("utf-8"))["without_evidence"] == 2
    path.write_text("Die Suppe nicht\nbad\n", "utf-8")
    assert execute(command) == 0
    assert "warning" not in capsys.readouterr().err  # half of them is not most


def test_one_review(knowledge: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\nThe staff is good,pos\n", "utf-8")
    assert execute(["analyze", str(path), "--out", str(tmp_path / "analysis"), "--knowledge", knowledge]) == 0
    shown = capsys.readouterr().out
    assert "1 review: 1 positive\n" in shown
    assert "100.0% of 1 labelled review was found" in shown
    page = (tmp_path / "analysis/report.html").read_text("utf-8")
    assert "<b>1</b><span>review</span>" in page
    assert "Every aspect" in page


def test_what_is_merely_named_is_a_mention_and_no_opinion(knowledge: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "reviews.txt"
    path.write_text("The soup came, then soup again.\nA good staff and so on and so on: soup.\n", "utf-8")
    out = tmp_path / "analysis"
    assert execute(["analyze", str(path), "--out", str(out), "--knowledge", knowledge]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[-4:]]
    assert rows[0] == ["aspect", "mentions", "opinions", "positive", "words"]
    assert rows[2:] == [["staff", "1", "1", "1", "good"], ["soup", "3", "0", "0"]]
    page = (out / "report.html").read_text("utf-8")
    assert "<b>soup</b>" in page
    assert "came" not in page  # no example: nothing is said of anything


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


def test_labels_of_the_table_are_held_against_what_was_found(knowledge: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\nThe staff is good,pos\nA bad soup,Positive\nFine,neutral\nNo label,\nbad,neg\n", "utf-8")
    command = ["analyze", str(path), "--out", str(tmp_path / "analysis"), "--knowledge", knowledge]
    assert execute(command) == 0
    assert "75.0% of 4 labelled reviews were found to be what their label says" in capsys.readouterr().out
    summary = json.loads((tmp_path / "analysis/summary.json").read_text("utf-8"))
    assert (summary["labelled"], summary["agreement"]) == (4, 0.75)
    assert {"target": "Positive", "label": "negative", "reviews": 1} in summary["against"]
    lines = [json.loads(line) for line in (tmp_path / "analysis/reviews.jsonl").read_text("utf-8").splitlines()]
    assert [line["target"] for line in lines] == ["pos", "Positive", "neutral", None, "neg"]
    page = (tmp_path / "analysis/report.html").read_text("utf-8")
    assert "of 4 labelled reviews were found" in page
    assert "found negative" in page


def test_labels_that_mean_something_else_are_not_compared(knowledge: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\nThe staff is good,5\nA bad soup,1\n", "utf-8")
    assert execute(["analyze", str(path), "--out", str(tmp_path / "analysis"), "--knowledge", knowledge]) == 0
    assert "the labels of 2 reviews (1, 5) are other classes" in capsys.readouterr().out
    assert "are other classes" in (tmp_path / "analysis/report.html").read_text("utf-8")


def test_labels_of_single_aspects_are_not_those_of_reviews(knowledge: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("text,aspect,label\nThe staff is good,soup,negative\n", "utf-8")
    assert execute(["analyze", str(path), "--out", str(tmp_path / "analysis"), "--knowledge", knowledge]) == 0
    assert "labelled" not in capsys.readouterr().out


def test_the_summary_of_each_value_of_a_column(reviews: Path, knowledge: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "analysis"
    assert execute(["analyze", str(reviews), "--out", str(out), "--knowledge", knowledge, "--by", "shop"]) == 0
    shown = capsys.readouterr().out
    assert [line.split()[:2] for line in shown.splitlines()[-2:]] == [["1", "2"], ["2", "1"]]
    by = json.loads((out / "summary.json").read_text("utf-8"))["by"]
    assert by["column"] == "shop"
    assert [(one["value"], one["reviews"], one["labels"]) for one in by["values"]] == [
        ("1", 2, {"positive": 1, "neutral": 1}),
        ("2", 1, {"negative": 1}),
    ]
    assert by["values"][1]["aspects"][0]["aspect"] == "soup"
    page = (out / "report.html").read_text("utf-8")
    assert '<section id="groups">' in page
    assert "soup (1)" in page
    assert page.count("<svg") == 2


@pytest.mark.parametrize(("by", "message"), [("sho", "did you mean 'shop'"), ("text", "no column beside those that are read")])
def test_a_column_that_is_not_there(by: str, message: str, reviews: Path, knowledge: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "analysis"
    assert execute(["analyze", str(reviews), "--out", str(out), "--knowledge", knowledge, "--by", by]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()
    lines = tmp_path / "reviews.txt"
    lines.write_text("good\n", "utf-8")
    assert execute(["analyze", str(lines), "--out", str(out), "--knowledge", knowledge, "--by", "shop"]) == 2
    assert "a text file has no columns" in capsys.readouterr().err
