from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_ablation import made_findings, made_question
from polysense.cli import ablate
from polysense.cli.main import execute
from polysense.errors import RecipeError
from polysense.training.lock import held


@pytest.fixture
def sets(tiny_encoders: list[str]) -> list[str]:
    return [word for one in [*tiny_encoders, "training.max_steps=2"] for word in ("--set", one)]


def test_the_question_in_one_command(
    toy_posts: Path, sets: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["ablate", str(toy_posts / "posts.csv"), "--out", str(out), "--signals", "itc=0.2", "--labels", "9,all"]
    command += ["--seeds", "0", *sets]
    assert execute(command) == 0
    captured = capsys.readouterr()
    assert (
        "4 trainings of social/posts_interactions: 2 arms (base, itc) x 2 numbers of labels (9, all 42) x 1 seed (0)"
        in captured.err
    )
    assert "at most 2 steps each, and about 0.0 GB of weights in all" in captured.err
    assert "training 1 of 4 (9 labels, base, seed 0) took" in captured.err
    assert "to go" in captured.err
    assert captured.err.count("posts.csv: train 42 labelled rows, ") == 1
    assert "social/posts_interactions on SYNTHETIC posts: weighted_f1 on test, 11 rows, seed 0\n" in captured.out
    lines = captured.out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith(("9 ", "all 42")) and " base " in line] == ["9", "all"]
    assert sum(line.strip().startswith("itc ") for line in lines) == 2
    assert "2 of them were looked at" in captured.out
    assert "With all 42 labels train without signals" in captured.out
    assert "Did the signals learn their own tasks? Right answers on validation, in percent, mean over seeds." in captured.out
    own = [line for line in lines if "itc: a text's picture in the first ten" in line]
    assert [line.split()[0] for line in own] == ["9", "all"]
    assert "Note: one seed: only the test rows were resampled" in captured.out
    heads = [line.split() for line in lines if " asked " in line]
    assert heads == [["labels", "asked", "right", "chance", "learned"]]  # no column for one signal together
    assert "Learning curves" in (out / "report.html").read_text("utf-8")

    assert execute([*command]) == 2
    assert "go on with --resume" in capsys.readouterr().err
    assert execute([*command, "--resume", "--json"]) == 0
    captured = capsys.readouterr()
    assert "all of them are finished: their results are read" in captured.err
    assert "how long it takes" not in captured.err
    answer = json.loads(captured.out)
    assert answer == json.loads((out / "ablation.json").read_text("utf-8"))
    assert answer["signals"] == {"itc": 0.2}
    assert [level["labels"] for level in answer["levels"]] == [9, 42]
    assert set(answer["levels"][0]["effects"]) == {"itc"}
    own = answer["levels"][0]["effects"]["itc"]["own_tasks"]["itc"]
    assert own["metric"] == "text_to_image_R@10"
    assert own["chance"] == min(1, 10 / own["questions"])
    assert answer["runs"]["9"] == {"base": str(out / "labels-9/base"), "itc": str(out / "labels-9/itc")}
    assert answer["recommendation"].startswith("With all 42 labels train without signals")
    assert execute(["compare", answer["runs"]["all"]["base"], answer["runs"]["all"]["itc"]]) == 0
    assert execute(["predict", answer["runs"]["9"]["itc"], "--text", "a day", "--json"]) == 0


def test_one_comparison_needs_no_correction(capsys: pytest.CaptureFixture[str]) -> None:
    one = made_findings({812: {"itc": (0.03, 0.01, 0.0004)}}, learned={"itc": (0.3, 0.1)})
    ablate._print(made_question([812], ["itc"]), one, [])
    shown = capsys.readouterr().out
    assert "The difference is to the base: an effect counts as visible where p is below 0.05." in shown
    assert "Holm" not in shown
    assert "together" not in shown
    effects = {"itc": (0.03, 0.01, 0.0004), "itm": (0.0, 0.01, 0.9), "itc+itm": (0.0, 0.01, 0.9)}
    several = made_findings({812: effects}, learned={"itc": (0.3, 0.1), "itm": (0.6, 0.5)})
    ablate._print(made_question([812], ["itc", "itm"]), several, [])
    shown = capsys.readouterr().out
    assert "3 of them were looked at" in shown
    assert "p, Holm" in shown
    assert "together" in shown


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--signals", "itcc"], 2, "there is no signal 'itcc'; did you mean 'itc'"),
        (["--labels", "ten"], 2, "--labels ten: write whole numbers above 0"),
        (["--labels", "43"], 3, "--labels 43: posts.csv has 42 labelled training rows"),
        (["--signals", "pairs"], 2, "--signals pairs: needs the column 'pair', which posts.csv does not have"),
        (["--columns", "label=mood"], 3, "has no column 'mood'"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_what_cannot_be_answered_is_refused_in_a_sentence(
    toy_posts: Path, sets: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    out = tmp_path / "out"
    assert execute(["ablate", str(toy_posts / "posts.csv"), "--out", str(out), *sets, *words]) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not out.exists()


def test_a_table_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["ablate", str(tmp_path / "gone.csv")]) == 3
    assert "there is no file or folder" in capsys.readouterr().err


def test_numbers_of_labels() -> None:
    assert ablate.read_labels("100, all,5") == [100, "all", 5]
    assert ablate.read_labels(None) is None
    for text in ("0", "-3", "1.5", "", "all,"):
        with pytest.raises(RecipeError, match="whole numbers above 0"):
            ablate.read_labels(text)


def test_an_ablation_that_another_process_makes_is_left_to_it(
    toy_posts: Path, sets: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(tmp_path / "out"):
        words = [
            "ablate",
            str(toy_posts / "posts.csv"),
            "--out",
            str(tmp_path / "out"),
            "--signals",
            "itc",
            "--seeds",
            "0",
            *sets,
        ]
        assert execute(words) == 2
    assert "another process (pid " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
