from __future__ import annotations

import math

import numpy as np
import pytest

from polysense.evaluation.collapse import collapsed
from polysense.metrics.geometry import uniformity


def test_vectors_at_one_point_are_told_and_others_are_not() -> None:
    draw = np.random.default_rng(0)
    wide, narrow = draw.normal(size=(40, 8)), np.ones((40, 8)) + 0.01 * draw.normal(size=(40, 8))
    assert collapsed({"alignment": 0.2, "uniformity": uniformity(wide)}) is None
    said = collapsed({"alignment": 0.0, "uniformity": uniformity(narrow)})
    assert said is not None
    assert "nearly the same vector (uniformity -0.000" in said


@pytest.mark.parametrize("name", ["STS-B dev", "spearman"])
def test_a_metric_that_is_no_number_is_told(name: str) -> None:
    assert f"no number for {name}:" in (collapsed({"rows": 3.0, name: math.nan}) or "")
    assert collapsed({"accuracy": 0.5, f"recall/{name}": math.nan}) is None
