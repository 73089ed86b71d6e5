from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from polysense.metrics.correlation import agreement, paired_cosine, pearson, spearman


def test_all_is_one_correlation_over_the_subsets_together() -> None:
    found = agreement([0.9, 0.5, 0.7, 0.2, 0.3, 0.6], [5, 3, 1, 0, 4, 2], ["A"] * 4 + ["B"] * 2)
    assert found.spearman == pytest.approx(0.428571429, abs=1e-6)
    assert found.mean == pytest.approx(-0.1, abs=1e-6)
    assert found.weighted_mean == pytest.approx(0.2, abs=1e-6)
    assert found.subsets == pytest.approx({"A": 0.8, "B": -1.0})
    assert found.pairs == 6
    assert found.pearson == pytest.approx(stats.pearsonr([0.9, 0.5, 0.7, 0.2, 0.3, 0.6], [5, 3, 1, 0, 4, 2]).statistic)


def test_subsets_of_other_levels_lower_all_but_not_the_mean() -> None:
    found = agreement([0.9, 0.8, 0.7, 0.3, 0.2, 0.1], [5, 3, 1, 4, 2, 0], ["A"] * 3 + ["B"] * 3)
    assert found.spearman == pytest.approx(0.714285714, abs=1e-6)
    assert (found.mean, found.weighted_mean) == pytest.approx((1.0, 1.0))


def test_the_rows_of_a_subset_need_not_stand_together() -> None:
    order = [3, 0, 5, 1, 4, 2]
    scores, gold, names = [0.9, 0.5, 0.7, 0.2, 0.3, 0.6], [5, 3, 1, 0, 4, 2], ["A"] * 4 + ["B"] * 2
    mixed = agreement([scores[place] for place in order], [gold[place] for place in order], [names[place] for place in order])
    assert mixed.mean == pytest.approx(-0.1)
    assert mixed.weighted_mean == pytest.approx(0.2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 5)), min_size=3, max_size=20))
def test_ties_take_average_ranks_and_only_the_order_counts(rows: list[tuple[int, int]]) -> None:
    x, y = np.array(rows, dtype=float).T
    found = spearman(x, y)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert math.isnan(found)
        return
    assert found == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert spearman(np.exp(x / 3), y) == pytest.approx(found, abs=1e-12)
    assert spearman(y, x) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize(
    ("x", "y"), [([], []), ([1], [2]), ([1, 1, 1], [1, 2, 3]), ([1, 2], [3, 3]), ([1, 2, math.nan], [1, 2, 3])]
)
def test_what_is_undefined_is_nan(x: list[float], y: list[float]) -> None:
    assert math.isnan(spearman(x, y))
    assert math.isnan(pearson(x, y))


def test_nothing_at_all() -> None:
    found = agreement([], [], [])
    assert found.pairs == 0
    assert all(math.isnan(value) for value in (found.spearman, found.pearson, found.mean, found.weighted_mean))


def test_cosines_of_rows() -> None:
    x = np.array([[1, 0], [3, 4], [1, 1], [0, 0], [math.nan, 1], [math.inf, 1]], dtype=np.float32)
    y = np.array([[2, 0], [4, -3], [-1, -1], [1, 1], [1, 1], [1, 1]], dtype=np.float32)
    np.testing.assert_allclose(paired_cosine(x, y), [1, 0, -1, 0, 0, 0], atol=1e-12)
    np.testing.assert_array_equal(paired_cosine(y, x), paired_cosine(x, y))


def test_equal_vectors_tie_whatever_they_are() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 7)).astype(np.float32)
    assert set(paired_cosine(vectors, vectors)) == {1.0}


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one shape \(rows,\)"):
        spearman([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"one shape \(rows, width\)"):
        paired_cosine(np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"subsets must be \(2,\)"):
        agreement([1, 2], [1, 2], ["A"])
