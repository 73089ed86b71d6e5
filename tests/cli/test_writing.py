"""``polysense caption`` and ``polysense generate``, and the evaluators of what is written on the command line."""

from __future__ import annotations

import csv
import io
import json
import warnings
from pathlib import Path

import pytest
from tests.made_writing import caption_settings, summary_settings, write_captions, write_pairs

from polysense.cli.main import execute
from polysense.evaluation.evaluator import Answerer
from polysense.inference.predictor import load
from polysense.training.run import train


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, networks: Path) -> Path:
    """``captions`` and ``summaries``, two runs that learnt next to nothing, and what they learnt it from."""
    folder = tmp_path_factory.mktemp("home")
    write_captions(folder)
    write_pairs(folder / "pairs.csv")
    train("unimo/caption", folder, out=folder / "captions", overrides=caption_settings(networks, epochs=2))
    train("unimo/summarize", folder / "pairs.csv", out=folder / "summaries", overrides=summary_settings(networks, epochs=2))
    return folder


@pytest.fixture(autouse=True)
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_pictures_with_their_captions(capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [f"flickr8k/images/{number}.png" for number in (3, 1)]
    short = ["--min-length", "2", "--max-length", "4"]
    assert execute(["caption", "captions", *pictures, *short]) == 0
    found = [line.split("\t") for line in lines(capsys)]
    assert [name for name, _ in found] == pictures
    assert all(2 <= len(caption.split()) <= 4 for _, caption in found)
    assert execute(["caption", "captions", *pictures, *short, "--json"]) == 0
    assert [json.loads(line) for line in lines(capsys)] == [{"id": name, "caption": caption} for name, caption in found]


def test_a_folder_and_a_table_of_pictures(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["caption", "captions", "flickr8k/images", "--beams", "1"]) == 0
    of_folder = dict(line.split("\t") for line in lines(capsys))
    assert sorted(of_folder) == sorted(f"flickr8k/images/{number}.png" for number in range(16))
    with Path("pictures.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [["id", "image", "text"], ["a", "flickr8k/images/5.png", "is not read"], ["b", "none.png", ""]]
        )
    assert execute(["caption", "captions", "pictures.csv", "--beams", "1", "--out", "written.jsonl"]) == 3
    rows = [json.loads(line) for line in (home / "written.jsonl").read_text("utf-8").splitlines()]
    assert rows[0] == {"id": "a", "caption": of_folder["flickr8k/images/5.png"]}
    assert set(rows[1]) == {"id", "error"}
    assert not list(home.glob("*.part"))
    assert 'see "error" in the output' in capsys.readouterr().err


def test_what_is_written_of_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load("summaries")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.generate("see a red box", max_length=1)[0]["written"]
    monkeypatch.setattr(Answerer, "write", lambda _, samples, *__: [""] * len(samples))
    with pytest.warns(
        UserWarning, match=r"nothing is written of 4 of 4 rows \(1, 2, 3, \.\.\.\): the model ends at once; min_length"
    ):
        model.generate(["see a red box"] * 4)


def test_a_picture_that_is_none_is_told_and_the_others_are_captioned(capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes.png").write_text("no picture")
    assert execute(["caption", "captions", "notes.png", "flickr8k/images/1.png", "missing.png", "--min-length", "1"]) == 3
    out, err = capsys.readouterr()
    assert [line.split("\t")[0] for line in out.splitlines()] == ["notes.png", "flickr8k/images/1.png", "missing.png"]
    assert [bool(line.split("\t")[1]) for line in out.splitlines()] == [False, True, False]
    assert "notes.png: image:" in err
    assert "missing.png: image:" in err
    assert "2 rows could not be used" in err


def test_texts_from_a_text_a_file_a_table_and_stdin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["see a red box", "a blue box see"]
    alone = []
    for text in texts:
        assert execute(["generate", "summaries", text]) == 0
        alone += lines(capsys)
    Path("texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    assert execute(["generate", "summaries", "texts.txt"]) == 0
    assert lines(capsys) == alone
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([texts[0], "", texts[1]])))
    assert execute(["generate", "summaries", "-"]) == 3
    assert lines(capsys) == [alone[0], "", alone[1]]
    assert execute(["generate", "summaries", "pairs.csv", "--json"]) == 0
    assert len([json.loads(line)["written"] for line in lines(capsys)]) == 48


def test_draws_by_their_seed(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for seed in ("1", "1", "2"):
        assert execute(["generate", "summaries", "texts.txt", "--sample", "--seed", seed, "--temperature", "3"]) == 0
        found.append(lines(capsys))
    assert found[0] == found[1] != found[2]


def test_evaluators_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["evaluate", "captions", "--data", ".", "--evaluator", "captioning", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["metrics"]) == {"bleu_4", "rouge_l", "cider"}
    assert execute(["evaluate", "captions", "--data", ".", "--evaluator", "captioning:beams=3"]) == 0
    shown = capsys.readouterr().out.splitlines()[-1]
    assert shown.startswith("Captioning: beams 3, length_penalty ")
    assert found["settings"]["Captioning"].items() >= {"beams": 2, "sample": False}.items()
    assert "temperature" not in found["settings"]["Captioning"]
    assert execute(["evaluate", "captions"]) == 0
    assert "\nCaptioning: beams " in capsys.readouterr().out
    asked = ["--evaluator", "summarizing", "--evaluator", "perplexity"]
    assert execute(["evaluate", "summaries", "--data", "pairs.csv", *asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]
    assert set(found) == {"rouge_1", "rouge_2", "rouge_l", "bleu_4", "summary_perplexity"}


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (["caption", "summaries", "flickr8k/images/1.png"], 1, "writes no captions"),
        (["generate", "summaries", ""], 2, "the text is empty"),
        (["caption", "captions", "pairs.csv"], 3, "no column 'image': name the one that holds it, --columns image=COLUMN"),
        (["generate", "captions", "see a box"], 3, "the model writes of pictures, the row has none"),
        (["generate", "summaries", "flickr8k/images"], 2, "is a folder; generate reads texts, and `polysense caption RUN"),
        (["generate", "summaries", "a box " * 60, "--beams", "0"], 2, "beams: expected"),  # longer than a name can be
        (["generate", "summaries", "nothing.txt"], 3, "there is no file nothing.txt"),
        (["generate", "summaries", "a box", "--beams", "0"], 2, "beams: expected"),
        (["generate", "summaries", "a box", "--max-length", "14"], 2, "has 16: shorten"),
        (["generate", "summaries", "a box", "--temperature", "0.5"], 2, "ask for sample"),
        (["generate", "summaries", "a box", "--columns", "text=a"], 2, "--columns: is for a table"),
        (
            ["predict", "summaries", "--text", "a box"],
            2,
            "or have it write: `polysense caption`",
        ),
        (["caption", "captions", "pairs.csv", "pairs.csv"], 2, "name it alone"),
        (["caption", "captions", "a.png", "--media-root", "."], 2, "--media-root: is for a table"),
        (["caption", "captions", "a.png", "--out", "nowhere/a.jsonl"], 3, "there is no folder"),
    ],
)
def test_what_cannot_be_is_said(command: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(command) == code
    assert told in capsys.readouterr().err
