from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polysense.metrics.sentiment import msa_outcomes, msa_regression, msa_scores

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "msa_metrics.json").read_text(encoding="utf-8"))
MOSI = ["Has0_acc_2", "Has0_F1_score", "Non0_acc_2", "Non0_F1_score", "Mult_acc_5", "Mult_acc_7", "MAE", "Corr"]
SIMS = ["Mult_acc_2", "Mult_acc_3", "Mult_acc_5", "F1_score", "MAE", "Corr"]


@pytest.mark.parametrize("block", ["mosi", "sims", "sims_edges"])
def test_golden_numbers(block: str) -> None:
    golden = GOLDEN[block]
    found = msa_regression(golden["predictions"], golden["labels"], dataset=block[:4])  # type: ignore[arg-type]
    assert set(found) == set(golden["exact"])
    assert found == pytest.approx(golden["exact"], abs=GOLDEN["tolerance"])


def test_the_numbers_of_the_worked_examples() -> None:
    p, y = [2.6, -0.4, 0, 1.5, -1.5, 0.2, -3.4, 0.5], [3, 0, 0, 1, -2, -0.4, -2.6, 0.6]
    wanted = [0.75, 0.75, 0.833333, 0.828571, 0.75, 0.75, 0.4125, 0.959853]
    assert [msa_regression(p, y)[name] for name in MOSI] == pytest.approx(wanted, abs=1e-6)
    p, y = [0.9, -0.05, 0, 1.4, -0.8, 0.2, -1.3, 0.05], [1, 0, 0.2, 0.8, -0.6, -0.2, -1, 0]
    wanted = [0.625, 0.75, 0.625, 0.630952, 0.15, 0.957073]
    assert [msa_regression(p, y, dataset="sims")[name] for name in SIMS] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("dataset", "names"), [("mosi", MOSI), ("sims", SIMS)])
def test_perfect_predictions(dataset: Any, names: list[str]) -> None:
    truth = np.array([-0.8, 0.4, 0.0, 1.0, -0.2])
    assert msa_regression(truth, truth, dataset=dataset) == pytest.approx({name: float(name != "MAE") for name in names})


scores = st.lists(st.tuples(st.integers(-30, 30), st.integers(-30, 30)), min_size=2, max_size=30)


@settings(max_examples=50, deadline=None)
@given(scores, st.randoms(use_true_random=False), st.sampled_from(["mosi", "sims"]))
def test_the_order_of_rows_does_not_matter_and_sums_give_the_same(rows: list[tuple[int, int]], draw: Any, dataset: Any) -> None:
    values = [(left / 10, right / 10) for left, right in rows]
    found = msa_regression(*zip(*values, strict=True), dataset=dataset)
    draw.shuffle(values)
    again = msa_regression(*zip(*values, strict=True), dataset=dataset)
    assert again == pytest.approx(found, nan_ok=True)
    sums = msa_outcomes(*zip(*values, strict=True), dataset=dataset).sum(axis=0)
    summed = {name: float(value) for name, value in msa_scores(sums, dataset=dataset).items()}
    wanted = found | ({"Corr": 0.0} if math.isnan(found["Corr"]) else {})
    assert summed == pytest.approx(wanted, nan_ok=True, abs=1e-6)


def test_correlation_does_not_depend_on_unit_and_origin() -> None:
    draw = np.random.default_rng(0)
    p, y = draw.normal(size=50), draw.normal(size=50)
    assert msa_regression(3 * p + 1, y)["Corr"] == pytest.approx(msa_regression(p, y)["Corr"], abs=1e-6)


def test_what_has_no_value_is_nan() -> None:
    constant = msa_regression([0.5] * 3, [1.0, -1.0, 0.0])
    assert math.isnan(constant["Corr"])
    assert constant["Has0_acc_2"] == pytest.approx(2 / 3)
    neutral = msa_regression([0.5, -0.5], [0.0, -0.0])
    assert math.isnan(neutral["Non0_acc_2"])
    assert math.isnan(neutral["Non0_F1_score"])
    assert neutral["Has0_acc_2"] == 0.5
    assert all(math.isnan(value) for value in msa_regression([], []).values())


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1: the prediction is nan"):
        msa_regression([0.5, math.nan], [1.0, 1.0])
    with pytest.raises(ValueError, match="row 0: the label is inf"):
        msa_regression([0.5, 1.0], [math.inf, 1.0])
    with pytest.raises(ValueError, match=r"not \(2,\) and \(3,\)"):
        msa_regression([0.5, 1.0], [1.0] * 3)
    with pytest.raises(ValueError, match="there is no data set 'mosey'; did you mean 'mosi'"):
        msa_regression([0.5], [1.0], dataset="mosey")  # type: ignore[arg-type]
