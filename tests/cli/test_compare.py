from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_runs import make_run, write_lines
from polysense.cli.main import execute


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
    assert found["runs"] == {"base": runs[0], "other": runs[1]}
    assert found["low"] < found["difference"] < found["high"]
    assert found["difference"] == pytest.approx(found["other"] - found["base"])
    assert 0 < found["p_value"] < 0.05


def test_people_get_a_table_and_a_sentence(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compare", *runs, "--resamples", "500"]) == 0
    shown = capsys.readouterr().out
    for metric in ("weighted_f1", "macro_f1", "accuracy"):
        assert f"\n{metric} " in shown
    assert "\nAgainst weak, strong scores " in shown
    assert " points higher in accuracy (95 % interval " in shown or " points higher in weighted F1 (95 % interval " in shown


def test_groups_are_compared_too(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compare", *runs, "--resamples", "500", "--metric", "accuracy", "--by", "target"]) == 0
    assert "\naccuracy by target, the recall of each class:\n" in capsys.readouterr().out


def test_a_group_of_few_rows_has_no_p(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for path in (file for run in runs for file in Path(run).glob("seed-*/predictions/test.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        write_lines(path, [row | {"group": "rest" if place else "one"} for place, row in enumerate(rows)])
    asked = ["compare", *runs, "--resamples", "500", "--metric", "accuracy", "--by", "group"]
    assert execute(asked) == 0
    shown = capsys.readouterr().out
    [line] = [line.split() for line in shown.splitlines() if line.startswith("one ")]
    assert len(line) == 5  # its name, both values, the difference, the rows
    assert "no interval and no p of fewer than 10 rows: group one (1)" in shown
    assert execute([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["groups"]
    assert [found["one"][name] for name in ("low", "high", "p_value", "rows")] == [None, None, None, 1]
    assert found["rest"]["p_value"] is not None


def test_groups_by_the_true_class_are_compared_by_accuracy(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compare", *runs, "--resamples", "500", "--by", "target"]) == 0
    assert "\naccuracy by target, the recall of each class:\n" in capsys.readouterr().out


def test_an_unknown_metric_ends_with_2(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compare", *runs, "--metric", "acuracy"]) == 2
    assert "'accuracy'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            ["--split", "tset"],
            "--split: the runs have no predictions of 'tset'; did you mean 'test'? valid: 'test', 'test.image'",
        ),
        (
            ["--by", "targte"],
            "the predictions have no column 'targte' to split by: did you mean 'target'? valid: 'target', 'missing'",
        ),
    ],
)
def test_a_misspelt_name_is_usage(runs: list[str], option: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compare", *runs, "--resamples", "100", *option]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(("split", "meant"), [("dev", "validation"), ("test.text", "test.text")])
def test_a_split_by_another_name_or_one_modality(
    runs: list[str], split: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["compare", *runs, "--resamples", "100", "--split", split, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["split"] == meant
