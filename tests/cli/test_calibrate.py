from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from polysense.cli.calibrate import worse
from polysense.cli.main import execute


def test_a_trained_run_is_calibrated_and_measured(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = str(trained_runs["both"]), str(tmp_path / "calibrated")
    assert execute(["calibrate", run, "--out", out]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["split", "metric", "before", "after"]
    accuracy = next(line.split() for line in lines if line.startswith("test ") and " accuracy " in line)
    assert accuracy[2] == accuracy[3], "the likeliest class stays the likeliest"
    ece = next(line.split() for line in lines if line.startswith("test ") and " ece " in line)
    assert ece[2] != ece[3]
    [settled] = [line for line in lines if line.startswith("seed 1: temperature ")]
    assert lines[-1] == f"Try:    polysense report {out}", "to compare would show that the classes are the same"
    card = (tmp_path / "calibrated" / "README.md").read_text("utf-8")
    assert "on the validation rows, as `polysense calibrate` does it:\nseed 0: temperature " in card
    assert f"; {settled}.\n" in card

    assert execute(["evaluate", out, "--json"]) == 0
    stored = json.loads(capsys.readouterr().out)
    assert set(stored["per_seed"][0]["settled"]["classification"]) == {"temperature"}
    assert execute(["evaluate", out, "--data", str(toy_posts), "--json"]) == 0
    anew = json.loads(capsys.readouterr().out)
    assert anew["metrics"] == pytest.approx(stored["metrics"], abs=1e-5)
    assert anew["per_seed"][1]["settled"] == stored["per_seed"][1]["settled"]
    assert execute(["evaluate", f"{out}/seed-1"]) == 0
    assert "classification, seed 1: temperature " in capsys.readouterr().out
    assert execute(["compare", run, out, "--resamples", "100"]) == 0


def scored(**test: float) -> dict[str, Any]:
    return {"per_seed": [{"seed": 0, "test": test}, {"seed": 1, "test": test}]}


def test_what_got_worse_is_said() -> None:
    before, after = scored(ece=0.05, macro_f1=0.7), scored(ece=0.08, macro_f1=0.6)
    ece, macro = worse(before, after, decide="macro_f1")
    assert ece == "ece on test is worse than before, 0.0800 in place of 0.0500: there it did not help"
    assert macro.startswith("macro_f1 on test is worse than before, 0.6000 in place of 0.7000")
    assert worse(before, after, decide="likeliest") == [ece]
    for other in (before, scored(), scored(ece=0.04, macro_f1=0.8)):
        assert worse(before, other, decide="macro_f1") == []


def test_a_calibration_that_did_not_help_is_warned_of(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["base"], tmp_path / "run")
    record = json.loads((run / "run.json").read_text("utf-8"))
    for result in record["per_seed"]:
        result["test"]["ece"] = 0.0
    (run / "run.json").write_text(json.dumps(record), "utf-8")
    for options in ([], ["--json"]):
        out = tmp_path / f"new{len(options)}"
        assert execute(["calibrate", str(run), "--out", str(out), "--decide", "macro_f1", *options]) == 0
        captured = capsys.readouterr()
        assert "Warning: ece on test is worse than before, 0." in captured.err
        assert (f"Try:    polysense compare {run} {out}" in captured.out) == (not options)


def test_a_misspelt_choice(trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new"
    assert execute(["calibrate", str(trained_runs["base"]), "--out", str(out), "--decide", "macro_f2"]) == 2
    assert "--decide: there is no 'macro_f2'; did you mean 'macro_f1'?" in capsys.readouterr().err
    assert not out.exists()
