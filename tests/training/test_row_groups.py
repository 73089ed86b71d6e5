from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import polysense
from made_runs import make_run, write_lines
from polysense.errors import RecipeError
from polysense.training.comparison import compare
from polysense.training.pair import Pair
from polysense.training.row_groups import grouped

FAST = {"resamples": 300}


def mark(run: Path, column: Callable[[int, dict[str, Any]], str]) -> Path:
    """Give every test row a column ``shop``."""
    for path in run.glob("seed-*/predictions/test.jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        write_lines(path, [row | {"extra": {"shop": column(place, row)}} for place, row in enumerate(rows)])
    return path.parents[2]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A weak run and a strong one, of 60 rows."""
    return make_run(tmp_path / "weak", skill=0.5), make_run(tmp_path / "strong", skill=3.0, noise=1)


def test_few_rows_have_a_difference_and_nothing_more(pair: tuple[Path, Path]) -> None:
    for run in pair:
        mark(run, lambda place, row: "one" if place == 0 else "nine" if place < 10 else "ten" if place < 20 else "rest")
    found = compare(*pair, by="shop", metric="accuracy", **FAST)
    assert {value: one.has_interval for value, one in found.groups.items()} == {
        "one": False,
        "nine": False,
        "ten": True,
        "rest": True,
    }
    both = Pair.read(*pair, split="test")
    for value, places in grouped(both.rows, by="shop").items():
        one, raw = found.groups[value], both.differences(places=places, seed=0, **FAST)["accuracy"]
        assert (one.difference, one.rows) == (raw.difference, raw.rows)
        if not one.has_interval:
            assert all(math.isnan(number) for number in (one.low, one.high, one.p_value, one.detectable))
        else:
            assert one == raw
    assert "no interval and no p of fewer than 10 rows: shop nine (9), one (1)" in found.note
    assert polysense.compare is compare


def test_within_one_true_class_accuracy_stands_for_the_means_over_classes(pair: tuple[Path, Path]) -> None:
    found = compare(*pair, by="target", **FAST)
    assert found.metric == "weighted_f1"
    assert {one.metric for one in found.groups.values()} == {"accuracy"}
    assert found.groups["positive"].base == compare(*pair, metric="recall/positive", **FAST).base
    assert "within target negative, neutral, positive all rows have one true class, of which weighted_f1" in found.note
    asked = compare(*pair, by="target", metric="macro_f1", **FAST)
    assert {one.metric for one in asked.groups.values()} == {"macro_f1"}
    assert "all rows have one true class, of which macro_f1 says no more than accuracy does" in asked.note


def test_groups_of_several_classes_keep_the_metric(pair: tuple[Path, Path]) -> None:
    for run in pair:
        mark(run, lambda place, row: "ab"[place % 2])
    found = compare(*pair, by="shop", **FAST)
    assert {one.metric for one in found.groups.values()} == {"weighted_f1"}
    assert "one true class" not in found.note


@pytest.mark.parametrize("name", ["label", "mood"])
def test_the_labels_own_column_is_called_target(pair: tuple[Path, Path], name: str) -> None:
    record = json.loads((pair[1] / "run.json").read_text(encoding="utf-8"))
    record["recipe"] = {"corpora": [{"class_path": "Posts", "init_args": {"columns": {"label": "mood"}}}]}
    (pair[1] / "run.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"no column '{name}': .* --by target groups by it"):
        compare(*pair, by=name, **FAST)
    for run in pair:
        mark(run, lambda place, row: "a")
    with pytest.raises(RecipeError, match="did you mean 'shop'"):
        compare(*pair, by="shp", **FAST)


def test_a_handful_of_rows_of_one_class_do_not_change_the_metric_of_all(pair: tuple[Path, Path]) -> None:
    for run in pair:
        firsts: list[str] = []

        def shop(place: int, row: dict[str, Any], firsts: list[str] = firsts) -> str:
            if row["target"] == "positive" and firsts.count(str(row["id"])) == 0 and len(firsts) < 2:
                firsts.append(str(row["id"]))
                return "tiny"
            return "tiny" if str(row["id"]) in firsts else "ab"[place % 2]

        mark(run, shop)
    found = compare(*pair, by="shop", **FAST)
    assert found.groups["tiny"].rows == 2
    assert {one.metric for one in found.groups.values()} == {"weighted_f1"}
