from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file, save_file

import polysense
from foreign_models import modular
from polysense.cli.main import execute
from polysense.cli.noted_table import NotedTable
from polysense.cli.predict import table_rows
from polysense.errors import Problem, RecipeError
from polysense.metrics.classification import classification_metrics
from polysense.types import Sample


def answers(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_post_as_json(
    trained_runs: dict[str, Path], toy_posts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture may lie anywhere; a relative path starts at the current folder."""
    monkeypatch.chdir(toy_posts / "images")
    picture = sorted((toy_posts / "images").iterdir())[0].name
    arguments = ["predict", str(trained_runs["both"]), "--text", "what a lovely day", "--image", picture]
    assert execute([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert set(answer) == {"label", "probabilities", "match", "similarity", "missing"}
    assert list(answer["probabilities"]) == ["negative", "neutral", "positive"]
    assert answer["missing"] == []
    best = json.loads((trained_runs["both"] / "run.json").read_text())["best_seed"]
    assert f"{trained_runs['both']}: seed-{best} answers, the best on validation (weighted_f1)\n" in captured.err


def test_one_post_for_people(trained_runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["predict", str(trained_runs["both"]), "--text", "what a lovely day"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] in {"negative", "neutral", "positive"}
    chances = [float(line.split()[1]) for line in lines[1:4]]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) == pytest.approx(1, abs=0.002)
    assert lines[1].split()[0] == lines[0]
    assert lines[-1] == "  without image: the model was trained with text and image"


def test_a_table_is_answered_line_by_line(
    trained_runs: dict[str, Path], toy_posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained_runs["both"] / "seed-0"
    assert execute(["predict", str(run), str(toy_posts / "posts.csv")]) == 0
    found = answers(capsys)
    assert [answer["id"] for answer in found] == [f"toy-{number:04d}" for number in range(1, 65)]
    stored = {row["id"]: row for row in map(json.loads, (run / "predictions" / "test.jsonl").read_text().splitlines())}
    for answer in found:
        if answer["id"] in stored:
            assert answer["probabilities"] == pytest.approx(stored[answer["id"]]["probabilities"], abs=1e-5)


def test_a_table_in_another_encoding(trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "posts.csv").write_bytes("id,text\ncafé,a day\n".encode("latin-1"))
    arguments = ["predict", str(trained_runs["both"])]
    assert execute([*arguments, str(tmp_path / "posts.csv")]) == 3
    assert "--encoding in the commands that read a table" in capsys.readouterr().err
    assert execute([*arguments, str(tmp_path / "posts.csv"), "--encoding", "latin-1"]) == 0
    assert [answer["id"] for answer in answers(capsys)] == ["café"]
    assert execute([*arguments, "-", "--encoding", "latin-1"]) == 2
    assert "must be UTF-8" in capsys.readouterr().err


def test_bad_rows_get_an_error_in_their_place_and_the_code_is_3(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(sorted((toy_posts / "images").iterdir())[0], tmp_path / "fine.jpg")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "fine.jpg").read_bytes()[:700])
    table = tmp_path / "posts.csv"
    table.write_text(
        "id,tweet,image\na,one,fine.jpg\nb,two,gone.jpg\nc,three,../fine.jpg\nd,,\ne,five,broken.jpg\nf,six\ng,seven,\n",
        "utf-8",
    )
    assert execute(["predict", str(trained_runs["both"]), str(table), "--columns", "text=tweet"]) == 3
    captured = capsys.readouterr()
    found = [json.loads(line) for line in captured.out.splitlines()]
    assert [answer["id"] for answer in found] == ["a", "b", "c", "d", "e", None, "g"]
    assert ["error" in answer for answer in found] == [False, True, True, True, True, True, False]
    for place, words in {
        1: "gone.jpg does not exist",
        2: "leaves the data folder",
        3: "nothing usable",
        4: "truncated",
        5: "2 cells",
    }.items():
        assert words in found[place]["error"]
    assert 'error: 5 rows could not be used; see "error" in the output' in captured.err


def test_what_the_rows_of_a_table_lack_is_said(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column under another name would else be a table of worse answers, in silence."""
    pictures = sorted((toy_posts / "images").iterdir())[:2]
    table = tmp_path / "posts.csv"
    table.write_text("id,caption,image\n" + "".join(f"{number},fine,{one}\n" for number, one in enumerate(pictures)), "utf-8")
    run = str(trained_runs["both"])
    assert execute(["predict", run, str(table), "--media-root", str(toy_posts)]) == 0
    said = capsys.readouterr().err
    assert "none of the 2 rows has text, which the model was trained with" in said
    assert "--columns text=COLUMN" in said
    assert "image" not in said.splitlines()[-1]
    table.write_text(f"id,text,image\n1,fine,{pictures[0]}\n2,fine,\n", "utf-8")
    assert execute(["predict", run, str(table), "--media-root", str(toy_posts)]) == 0
    assert (
        "1 of 2 rows have no image, which the model was trained with: answered from what else they have"
        in capsys.readouterr().err
    )


def test_json_lines_from_stdin(
    trained_runs: dict[str, Path], toy_posts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = str(sorted((toy_posts / "images").iterdir())[0])
    rows = [{"id": 7, "text": "one"}, {"text": "two", "image": picture}]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, rows)) + "\n\n"))
    assert execute(["predict", str(trained_runs["both"]), "-", "--media-root", str(toy_posts)]) == 0
    found = answers(capsys)
    assert [(answer["id"], answer["missing"]) for answer in found] == [("7", ["image"]), ("2", [])]


@pytest.mark.parametrize("line", ["{", "[1]", '"text"'])
def test_a_line_of_stdin_that_is_no_row_is_named_and_the_others_are_answered(
    trained_runs: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f'{{"text": "one"}}\n{line}\n{{"text": "three"}}\n'))
    assert execute(["predict", str(trained_runs["both"]), "-"]) == 3
    one, two, three = (json.loads(found) for found in capsys.readouterr().out.splitlines())
    assert one["label"]
    assert two == {"id": "2", "error": "line: not a JSON object"}
    assert three["label"]


def test_lines_of_stdin_name_pictures_of_the_media_folder_only(
    trained_runs: dict[str, Path], toy_posts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = sorted((toy_posts / "images").iterdir())[0]
    lines = json.dumps({"photo": picture.name}) + "\n" + json.dumps({"photo": str(toy_posts / "posts.csv")}) + "\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    options = ["--media-root", str(toy_posts / "images"), "--columns", "image=photo"]
    assert execute(["predict", str(trained_runs["both"]), "-", *options]) == 3
    inside, outside = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert inside["label"]
    assert "leaves the data folder" in outside["error"]


def test_files_that_the_model_does_not_read_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipe.yaml").write_text("encoders: {text: {class_path: Anything}}\n", "utf-8")
    table = tmp_path / "posts.csv"
    table.write_text("id,text,image\na,one,gone.jpg\n", "utf-8")
    line = json.dumps({"id": "a", "text": "one", "image": "gone.jpg"})
    for noted, used in ((NotedTable.of(str(tmp_path)), True), (NotedTable(), False)):
        for source in (str(table), "-"):
            monkeypatch.setattr("sys.stdin", io.StringIO(line))
            (row,) = table_rows(source, None, tmp_path, "utf-8", noted=noted)
            assert isinstance(row, Sample if used else Problem), (source, row)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "name a table, or one post with --text, --image or both"),
        (["posts.csv", "--text", "x"], "the table posts.csv and --text are both given: name a table, or one post"),
        (["-", "--image", "x.jpg"], "the table - and --image are both given"),
        (["posts.csv", "--text", "x", "--image", "x.jpg"], "the table posts.csv and --text and --image are all given"),
    ],
)
def test_a_table_or_one_post_is_named(
    trained_runs: dict[str, Path], capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert execute(["predict", str(trained_runs["both"]), *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--text", ""], 3, "nothing usable"),
        (["--image", "gone.jpg"], 3, "gone.jpg does not exist"),
        (["--text", "x", "--columns", "text=tweet"], 2, "--columns: is for a table"),
        (["--text", "x", "--aspect", "service"], 2, "--aspect: "),
        (["--text", "x", "--vectors"], 2, "has no score of each modality"),
        (["gone.csv"], 3, "gone.csv does not exist"),
    ],
)
def test_a_post_that_cannot_be_used(
    trained_runs: dict[str, Path], capsys: pytest.CaptureFixture[str], options: list[str], code: int, said: str
) -> None:
    assert execute(["predict", str(trained_runs["both"]), *options]) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_a_model_that_is_nowhere_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["predict", "nobody/no-such-model", "--text", "x"]) == 2
    said = capsys.readouterr().err
    assert "there is no folder 'nobody/no-such-model'; as a model of the Hugging Face hub it needs a network" in said
    assert "Traceback" not in said


def test_a_misspelt_run_is_answered_with_the_nearest(trained_runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run = trained_runs["both"]
    assert execute(["predict", f"{run}e", "--text", "x"]) == 2
    assert f"there is no run {run}e" in (said := capsys.readouterr().err)
    assert f"did you mean '{run}'?" in said
    with pytest.raises(RecipeError, match="there is no run"):
        polysense.load(f"{run}e")


def test_the_columns_of_the_run_are_those_of_a_table_that_has_them(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained_runs["both"], run)
    recipe = yaml.safe_load((run / "recipe.yaml").read_text("utf-8"))
    recipe["corpora"] = [{"class_path": "Posts", "init_args": {"columns": {"text": "tweet", "id": "nr"}}}]
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    for header in ("nr,tweet", "id,text", "nr,text"):
        (tmp_path / "new.csv").write_text(f"{header}\np7,what a day\n", "utf-8")
        assert execute(["predict", str(run), str(tmp_path / "new.csv")]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["id"] == "p7"
        assert answer["label"]


def test_a_table_is_read_as_the_runs_own_was(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["both"], tmp_path / "run")
    recipe = yaml.safe_load((run / "recipe.yaml").read_text("utf-8"))
    recipe["corpora"] = [{"class_path": "Posts", "init_args": {"delimiter": "semicolon", "label_separator": "|"}}]
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    for between in ";,":
        (tmp_path / "new.csv").write_text(f"id{between}text{between}label\np7{between}what a day{between}a|b\n", "utf-8")
        assert execute(["predict", str(run), str(tmp_path / "new.csv")]) == 0
        captured = capsys.readouterr()
        assert json.loads(captured.out)["id"] == "p7"
        assert "'a' (1)" in captured.err  # the first of two labels, which this model does not know
    noted = NotedTable.of(str(run))
    assert (noted.delimiter, noted.label_separator) == ("semicolon", "|")


def test_an_unfinished_run_ends_with_1(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["base"], tmp_path / "run")
    (run / "run.json").unlink()
    assert execute(["predict", str(run), "--text", "x"]) == 1
    assert "is not finished" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [["--text", "what a lovely day"], ["-"]])
def test_a_model_that_answers_nothing_says_what_it_can_do(
    tiny_text: str, tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = modular(tiny_text, tmp_path / "sentences", {"pooling_mode_mean_tokens": True})
    assert execute(["predict", str(folder), *asked]) == 2
    captured = capsys.readouterr()
    assert f"{folder} answers nothing: it turns text into vectors; use `polysense encode`" in captured.err
    assert captured.out == ""


@pytest.fixture(scope="module")
def settled(trained_runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose answers are decided by thresholds: nearly everything is negative."""
    out = tmp_path_factory.mktemp("settled") / "run"
    assert execute(["calibrate", str(trained_runs["base"]), "--out", str(out), "--decide", "macro_f1"]) == 0
    for home in out.glob("seed-*"):
        weights = load_file(home / "model.safetensors")
        [name] = [name for name in weights if name.endswith("classification.thresholds")]
        save_file({**weights, name: weights[name].new_tensor([0.02, 0.49, 0.49])}, home / "model.safetensors")
        (home / "self_check.json").unlink()
    return out


def test_an_answer_that_thresholds_decided_says_so(
    settled: Path, trained_runs: dict[str, Path], toy_posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    table = str(toy_posts / "posts.csv")
    assert execute(["predict", str(settled), table]) == 0
    captured = capsys.readouterr()
    found = [json.loads(line) for line in captured.out.splitlines()]
    likeliest = [max(answer["probabilities"], key=answer["probabilities"].__getitem__) for answer in found]
    assert [answer.get("by_threshold", False) for answer in found] == [
        answer["label"] != most for answer, most in zip(found, likeliest, strict=True)
    ]
    decided = sum("by_threshold" in answer for answer in found)
    assert decided
    told = "decided by thresholds of the classes (negative 0.020, neutral 0.490, positive 0.490)"
    assert f"{told}: of {decided} of 64 rows the answer is not that of the probabilities alone" in captured.err
    text = next(
        row["text"] for row in rows_of(toy_posts) if row["id"] == next(one["id"] for one in found if "by_threshold" in one)
    )
    assert execute(["predict", str(settled), "--text", text]) == 0
    shown = capsys.readouterr().out
    assert (f"  {told}, not by the probabilities alone" in shown) == (shown.splitlines()[1].split()[0] != shown.splitlines()[0])
    assert execute(["predict", str(trained_runs["base"]), table]) == 0
    captured = capsys.readouterr()
    assert "threshold" not in captured.err + captured.out


def rows_of(toy_posts: Path) -> list[dict[str, str]]:
    with (toy_posts / "posts.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_labels_of_a_table_are_met_or_not_class_by_class(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr: what goes to stdout stays a line a row."""
    rows = rows_of(toy_posts)[:20]
    rows[3]["label"], rows[5]["label"] = "", "happy"
    table = tmp_path / "posts.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "text", "label"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    assert execute(["predict", str(trained_runs["both"]), str(table)]) == 0
    captured = capsys.readouterr()
    found = [json.loads(line) for line in captured.out.splitlines()]
    assert len(found) == 20
    pairs = [(row["label"], one["label"]) for row, one in zip(rows, found, strict=True) if row["label"] not in {"", "happy"}]
    expected = classification_metrics(*zip(*pairs, strict=True), labels=["negative", "neutral", "positive"])
    assert f"Measured on the 18 rows that have a label: accuracy {expected['accuracy']:.4f}, weighted_f1 " in captured.err
    [line] = [line.split() for line in captured.err.splitlines() if line.startswith("neutral ")]
    numbers = [f"{expected[f'{name}/neutral']:.4f}" for name in ("precision", "recall", "f1")]
    assert line == ["neutral", *numbers, str(int(expected["support/neutral"]))]
    assert "labels that are no class of the model, whose rows are not in the report: 'happy' (1)" in captured.err
    assert "too good" not in captured.err
    for own in (toy_posts / "posts.csv", toy_posts):
        assert execute(["predict", str(trained_runs["both"]), str(own)]) == 0
        assert "The run was trained on this table, so this is too good" in capsys.readouterr().err
    table.write_text("id,text\n1,a day\n", "utf-8")
    assert execute(["predict", str(trained_runs["both"]), str(table)]) == 0
    assert "Measured" not in capsys.readouterr().err


def test_rows_that_cannot_be_used_are_not_said_to_be_measured(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "posts.csv"
    table.write_text("id,text,image,label\n1,a day,,positive\n2,two,gone.jpg,negative\n3,a night,,neutral\n", "utf-8")
    assert execute(["predict", str(trained_runs["both"]), str(table)]) == 3
    assert "Measured on the 2 rows that have a label and could be used: accuracy" in capsys.readouterr().err
    table.write_text("id,text,label\n1,a day,positive\n", "utf-8")
    assert execute(["predict", str(trained_runs["both"]), str(table)]) == 0
    said = capsys.readouterr().err
    assert "Measured on the 1 row that has a label: accuracy" in said
    assert "the one row has no image, which the model was trained with" in said
