from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from polysense.errors import DataError, PolysenseError, RecipeError
from polysense.evaluation.summary import stored, summarise


def run(folder: Path, record: dict[str, Any]) -> Path:
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


TWO = {"per_seed": [{"seed": 3, "test": {"accuracy": 0.5}, "validation": {}}, {"seed": 4, "test": {"accuracy": 0.7}}]}


def test_the_metrics_of_every_seed(tmp_path: Path) -> None:
    found, rows, left_out = stored(run(tmp_path, TWO | {"data": {"splits": {"test": 45}}}), "test")
    assert (rows, left_out) == (45, 0)
    assert found == [{"seed": 3, "metrics": {"accuracy": 0.5}}, {"seed": 4, "metrics": {"accuracy": 0.7}}]
    summary = summarise(found, "test", rows)
    assert (summary["split"], summary["rows"]) == ("test", 45)
    assert summary["metrics"] == {"accuracy": pytest.approx(0.6)}
    assert summary["std"] == {"accuracy": pytest.approx(0.2 / 2**0.5)}


@pytest.mark.parametrize(
    ("noted", "rows", "left_out"),
    [
        ({"labels": ["a", "b"], "data": {"splits": {"test": 45}, "labelled": {"test": 40}}}, 40, 5),
        (
            {"labels": [], "data": {"splits": {"test": 45}, "labelled": {"test": 40}}},
            45,
            0,
        ),  # it embeds: labels are of no account
        ({"labels": [], "data": {"splits": {"test": 45}, "labelled": {"test": 40}, "measured": {"test": 39}}}, 39, 6),
    ],
)
def test_rows_without_a_label_do_not_count_as_measured(tmp_path: Path, noted: dict[str, Any], rows: int, left_out: int) -> None:
    assert stored(run(tmp_path, TWO | noted), "test")[1:] == (rows, left_out)


def test_a_seed_by_itself(tmp_path: Path) -> None:
    found, rows, left_out = stored(run(tmp_path, {"seed": 3, "test": {"accuracy": 0.5}}), "test")
    assert (found, rows, left_out) == ([{"seed": 3, "metrics": {"accuracy": 0.5}}], None, 0)
    assert summarise(found, "test", rows)["std"] == {"accuracy": None}


def test_a_seed_without_a_number_leaves_none() -> None:
    found = [{"seed": seed, "metrics": {"avg": value, "n": 2.0}} for seed, value in enumerate((math.nan, 1.0))]
    summary = summarise(found, None, 2)
    assert math.isnan(summary["metrics"]["avg"])
    assert math.isnan(summary["std"]["avg"])
    assert summary["std"]["n"] == 0.0


def test_a_metric_that_one_seed_lacks_has_no_mean() -> None:
    found = [{"seed": 0, "metrics": {"MAE": 1.0}}, {"seed": 1, "metrics": {"MAE": 2.0, "MAE/text": 1.0}}]
    assert summarise(found, None, 2)["metrics"] == summarise(found[::-1], None, 2)["metrics"] == {"MAE": 1.5}


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolysenseError, match=r"is no finished run: there is no .*run\.json"):
        stored(tmp_path, "test")
    with pytest.raises(RecipeError, match=r"no metrics of 'validation'; .*valid: 'test'"):
        stored(run(tmp_path, TWO), "dev")
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"run\.json is damaged: not JSON"):
        stored(tmp_path, "test")


def test_a_run_that_measured_nothing_says_how_to(tmp_path: Path) -> None:
    empty = run(tmp_path, {"per_seed": [{"seed": 3, "test": {}, "validation": {}}]})
    with pytest.raises(RecipeError, match=r"nothing was measured of .*.*polysense evaluate .* --data DATA --evaluator sts"):
        stored(empty, "validation")
