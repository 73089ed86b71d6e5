"""Whichever command is asked, a run that is missing or not finished gets one answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from polysense.cli.main import execute


def commands(run: Path, other: Path, table: Path) -> list[list[str]]:
    """Every command that reads a finished run."""
    return [
        ["evaluate", str(run)],
        ["evaluate", str(run), "--data", str(table)],
        ["report", str(run)],
        ["report", str(other), "--against", str(run), "--out", str(other / "against.html")],
        ["compare", str(run), str(other)],
        ["compare", str(other), str(run)],
    ]


def missing(run: Path) -> None:
    shutil.rmtree(run)


def empty(run: Path) -> None:
    shutil.rmtree(run)
    run.mkdir()


def unfinished(run: Path) -> None:
    (run / "run.json").unlink()


def just_begun(run: Path) -> None:
    unfinished(run)
    for home in run.glob("seed-*"):
        shutil.rmtree(home)


def damaged(run: Path) -> None:
    (run / "run.json").write_text("{")


UNFINISHED = "{run} is not finished: go on with `polysense train social/posts_concat --data DATA/"

CASES = {
    missing: (2, "there is no run {run}: name the folder that `polysense train` wrote (its --out)"),
    empty: (2, "{run} is no run: there is no run.json in it"),
    unfinished: (1, UNFINISHED),
    just_begun: (1, UNFINISHED),
    damaged: (3, "{run}/run.json is damaged: "),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_command_says_the_same(
    case, trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["base"], tmp_path / "run")
    case(run)
    code, said = CASES[case]
    for command in commands(run, trained_runs["both"], toy_posts):
        found = execute(command)
        captured = capsys.readouterr()
        assert captured.err.startswith(f"polysense: error: {said.format(run=run)}"), command
        assert captured.out == ""
        assert found == code, command
        if said == UNFINISHED:
            assert " --seeds 0,1 --set encoders.text.pretrained=" in captured.err
            assert f"--out {run} --resume`" in captured.err
            assert ("or name a seed that is (seed-0, seed-1)" in captured.err) == (case is unfinished)


def test_a_seed_of_a_run_that_was_begun_names_the_runs_command(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["base"], tmp_path / "run")
    unfinished(run)
    (run / "seed-0" / "run.json").unlink()
    assert execute(["report", str(run / "seed-0")]) == 1
    assert f"--out {run} --resume`" in capsys.readouterr().err
    (run / "data.json").unlink()
    assert execute(["report", str(run / "seed-0")]) == 1
    assert "go on with `polysense train ... --resume`" in capsys.readouterr().err


def test_a_run_that_goes_on_answers_by_its_finished_seeds_and_says_so(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["base"], tmp_path / "run")
    best = json.loads((run / "run.json").read_text())["best_seed"]
    later = shutil.copytree(run / f"seed-{best}", run / "seed-7")
    (later / "run.json").unlink()
    assert execute(["predict", str(run), "--text", "a lovely day"]) == 0
    said = capsys.readouterr().err
    assert f"{run} is not finished (seed-7): seed-{best} answers, the best of those that were finished" in said
    assert execute(["evaluate", str(run), "--data", str(toy_posts), "--json"]) == 0
    captured = capsys.readouterr()
    assert f"{run} is not finished: without seed-7" in captured.err
    assert [one["seed"] for one in json.loads(captured.out)["per_seed"]] == [0, 1]
