from __future__ import annotations

from pathlib import Path

import pytest

from made_runs import make_run
from polysense.cli.main import execute


def test_a_report_is_written_beside_the_run_and_its_path_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "both")
    assert execute(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert "<html" in (run / "report.html").read_text("utf-8")


def test_other_runs_stand_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, one, two = (make_run(tmp_path / name, noise=place) for place, name in enumerate(("both", "one", "two")))
    out = tmp_path / "out.html"
    others = ["--against", str(one), "--against", str(two)]
    assert execute(["report", str(run), *others, "--title", "Both?", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert "Both?" in out.read_text("utf-8")


def test_the_difference_is_parted_by_a_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, base = (make_run(tmp_path / name, noise=place) for place, name in enumerate(("both", "base")))
    assert execute(["report", str(run), "--against", str(base), "--by", "target"]) == 0
    assert '<section id="groups"' in (run / "report.html").read_text("utf-8")
    capsys.readouterr()
    assert execute(["report", str(run), "--by", "target"]) == 2
    assert "--by parts the difference to another run: name that run with --against" in capsys.readouterr().err


def test_a_run_is_not_set_beside_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "both")
    assert execute(["report", str(run), "--against", str(tmp_path / "other" / ".." / "both")]) == 2
    assert f"--against: {run} is the run itself: name another one" in capsys.readouterr().err
    assert not (run / "report.html").exists()
