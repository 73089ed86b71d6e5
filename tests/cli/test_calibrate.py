from __future__ import annotations

import json
from pathlib import Path

import pytest

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
    assert any(line.startswith("seed 1: temperature ") for line in lines)

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


def test_a_misspelt_choice(trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new"
    assert execute(["calibrate", str(trained_runs["base"]), "--out", str(out), "--decide", "macro_f2"]) == 2
    assert "--decide: there is no 'macro_f2'; did you mean 'macro_f1'?" in capsys.readouterr().err
    assert not out.exists()
