from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_runs import make_run
from polysense.cli.compare import sentence
from polysense.cli.main import execute
from polysense.training.comparison import Comparison


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """A weak run and a strong one."""
    weak = make_run(tmp_path / "weak", skill=0.5, rows=200)
    strong = make_run(tmp_path / "strong", skill=3.0, rows=200, noise=1)
    return [str(weak), str(strong)]


def test_json_holds_the_difference_its_interval_and_p_value(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compare", *runs, "--json", "--resamples", "500", "--metric", "accuracy"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metric"] == "accuracy"
    assert found["low"] < found["difference"] < found["high"]
    assert found["difference"] == pytest.approx(found["other"] - found["base"])
    assert 0 < found["p_value"] < 0.05


def test_people_get_a_table_and_a_sentence(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compare", *runs, "--resamples", "500"]) == 0
    shown = capsys.readouterr().out
    for metric in ("weighted_f1", "macro_f1", "accuracy"):
        assert f"\n{metric} " in shown
    assert "strong scores " in shown
    assert " points higher than weak (" in shown


def test_groups_are_compared_too(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compare", *runs, "--resamples", "500", "--metric", "accuracy", "--by", "target"]) == 0
    assert "accuracy by target:" in capsys.readouterr().out


def test_a_run_that_is_not_there_ends_with_3(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compare", runs[0], runs[1] + "er"]) == 3
    assert "stronger" in capsys.readouterr().err


def test_an_unknown_metric_ends_with_2(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compare", *runs, "--metric", "acuracy"]) == 2
    assert "'accuracy'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.05, "b scores 3.0 points higher than a (accuracy on test, 2 seeds, 50 rows; 95 % interval +1.0 to +5.0"),
        (-0.05, -0.01, "b scores 3.0 points lower than a ("),
        (-0.01, 0.05, "No difference between b and a is shown ("),
    ],
)
def test_the_sentence_follows_the_interval(low: float, high: float, words: str) -> None:
    middle = 0.03 if high > 0 else -0.03
    found = Comparison(
        metric="accuracy",
        split="test",
        base=0.5,
        other=0.5 + middle,
        difference=middle,
        low=low,
        high=high,
        p_value=0.04,
        detectable=(high - low) / 2,
        seeds=(0, 1),
        rows=50,
        resamples=500,
        per_seed=(middle, middle),
    )
    said = sentence(found, base="a", other="b")
    assert said.startswith(words)
    assert ("could not have been shown" in said) == (low < 0 < high)
