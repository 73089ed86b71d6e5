from __future__ import annotations

import json
from pathlib import Path

import pytest

from polysense.cli.main import execute
from polysense.inference.predictor import load
from polysense.knowledge import NEGATIVE, POSITIVE, Entry, Knowledge, Pair

KNOWLEDGE = Knowledge({"lovely": Entry(1.0, POSITIVE), "bad": Entry(-1.0, NEGATIVE)}, {("day", "lovely"): Pair(2, POSITIVE)})
WORD = {"word": "lovely", "start": 6, "end": 12, "polarity": "positive", "score": 1.0, "negated": True}


def test_answers_come_with_what_the_knowledge_has_of_the_text(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    model = load(trained_runs["both"])
    rows = ["not a Lovely day", {"text": "nothing"}, {"image": tmp_path / "lost.png"}]
    explained = model.predict(rows, explain=KNOWLEDGE)
    plain = model.predict(rows)
    assert explained[0]["knowledge"] == {
        "words": [WORD],
        "pairs": [{"aspect": "day", "start": 13, "end": 16, "word": WORD}],
    }
    assert explained[1]["knowledge"] == {"words": [], "pairs": []}
    assert explained[2] == plain[2]
    assert [{name: value for name, value in one.items() if name != "knowledge"} for one in explained] == plain


def test_on_the_command_line(trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    knowledge = str(KNOWLEDGE.write(tmp_path / "knowledge"))
    command = ["predict", str(trained_runs["both"]), "--text", "not a Lovely day", "--explain", knowledge]
    assert execute([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["knowledge"]["words"] == [WORD]
    assert execute(command) == 0
    shown = capsys.readouterr().out
    assert "lovely           positive, negated" in shown
    assert "day              said to be not lovely" in shown
    assert execute([*command[:3], "a day", *command[4:]]) == 0
    assert "no word of the knowledge in the text" in capsys.readouterr().out
    assert execute(command[:4]) == 0
    assert "knowledge" not in capsys.readouterr().out
    table = tmp_path / "posts.csv"
    table.write_text("text\na bad day\n", "utf-8")
    assert execute(["predict", str(trained_runs["both"]), str(table), "--explain", knowledge]) == 0
    assert [word["word"] for word in json.loads(capsys.readouterr().out)["knowledge"]["words"]] == ["bad"]
    assert execute([*command[:-1], str(tmp_path / "nowhere")]) == 3
