from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polysense.metrics import geometry
from polysense.metrics.geometry import alignment, uniformity

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "mcse.json").read_text(encoding="utf-8"))["geometry"]
X, Y = np.array(GOLDEN["x"]), np.array(GOLDEN["y"])
KEEP = np.array(GOLDEN["gold"]) >= GOLDEN["threshold"]


def test_global_values_of_the_released_functions() -> None:
    assert KEEP.sum() == GOLDEN["global"]["positive_pairs"]
    assert alignment(X, Y, keep=KEEP) == pytest.approx(GOLDEN["global"]["alignment"], abs=1e-6)
    assert alignment(X[KEEP], Y[KEEP]) == pytest.approx(GOLDEN["global"]["alignment"], abs=1e-6)
    assert uniformity(X, Y) == pytest.approx(GOLDEN["global"]["uniformity"], abs=1e-6)
    assert uniformity(np.concatenate([Y, X])) == pytest.approx(GOLDEN["global"]["uniformity"], abs=1e-6)


def test_averaged_over_batches_like_the_released_evaluation() -> None:
    size = GOLDEN["batch_size"]
    assert alignment(X, Y, keep=KEEP, batch_size=size) == pytest.approx(GOLDEN["batched"]["alignment"], abs=1e-6)
    assert uniformity(X, Y, batch_size=size) == pytest.approx(GOLDEN["batched"]["uniformity"], abs=1e-6)


def test_numbers_of_a_small_case() -> None:
    x = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]])
    y = np.array([[0.8, 0.6], [0, 1], [-0.6, 0.8], [-0.8, -0.6]])
    keep = np.array([True, True, False, False])
    assert alignment(x, y, keep=keep) == pytest.approx(0.4)
    assert alignment(x, y, keep=keep, batch_size=2) == pytest.approx(0.2)
    assert uniformity(x, y) == pytest.approx(-1.621847408, abs=1e-9)
    assert uniformity(x, y, batch_size=2) == pytest.approx(-1.338717440, abs=1e-9)


def test_blocks_do_not_change_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = alignment(X, Y), uniformity(X, Y)
    monkeypatch.setattr(geometry, "BLOCK", 5)
    assert (alignment(X, Y), uniformity(X, Y)) == pytest.approx(whole, abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_bounds_order_and_scale(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(2, 7, 3))
    order, scale = generator.permutation(7), generator.uniform(0.1, 9, size=(7, 1))
    assert 0 <= alignment(x, y) <= 4
    assert uniformity(x) <= 0
    assert alignment(x[order] * scale, y[order]) == pytest.approx(alignment(x, y))
    assert uniformity(x[order] * scale) == pytest.approx(uniformity(x))


def test_equal_points_have_uniformity_zero() -> None:
    assert uniformity(np.ones((5, 3))) == pytest.approx(0, abs=1e-12)
    assert alignment(X, 3 * X) == pytest.approx(0, abs=1e-12)


def test_nothing_to_compare_is_nan() -> None:
    assert math.isnan(alignment(X, Y, keep=np.zeros(len(X), dtype=bool)))
    assert math.isnan(uniformity(X[:1]))


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        alignment(X, Y[:3])
    with pytest.raises(ValueError, match=r"\(rows, width\)"):
        uniformity(X[0])
