from __future__ import annotations

import math

import numpy as np
import pytest

from polysense.metrics.calibration import brier, expected_calibration_error, nll, reliability_bins, row_nll

CHANCES = [[0.9, 0.1], [0.8, 0.2], [0.35, 0.65], [0.4, 0.6]]
TRUTH = [0, 1, 1, 0]


def test_by_hand() -> None:
    # Bins of width .25: (.5, .75] holds .65 (right) and .6 (wrong); (.75, 1] holds .9 (right) and .8 (wrong).
    assert expected_calibration_error(CHANCES, TRUTH, bins=4) == pytest.approx((abs(0.5 - 0.625) * 2 + abs(0.5 - 0.85) * 2) / 4)
    assert brier(CHANCES, TRUTH) == pytest.approx(2 * (0.1**2 + 0.8**2 + 0.35**2 + 0.6**2) / 4)
    assert nll(CHANCES, TRUTH) == pytest.approx(-sum(math.log(chance) for chance in (0.9, 0.2, 0.65, 0.4)) / 4)


def test_bins_hold_their_upper_edge_and_all_rows() -> None:
    bins = reliability_bins([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]], [0, 0, 0], bins=2)
    assert bins.counts.tolist() == [1, 2]
    assert bins.accuracy.tolist() == [1.0, 0.5]
    assert bins.confidence.tolist() == [0.5, 1.0]


def test_an_empty_bin_has_no_mean() -> None:
    bins = reliability_bins([[0.9, 0.1]], [0], bins=10)
    assert np.isnan(bins.confidence[:8]).all()
    assert not np.isnan(bins.confidence[8])


def test_honest_probabilities_are_calibrated() -> None:
    generator = np.random.default_rng(0)
    chance = generator.uniform(size=40_000)
    truth = (generator.uniform(size=40_000) >= chance).astype(int)
    honest = np.stack([chance, 1 - chance], axis=1)
    assert expected_calibration_error(honest, truth) < 0.01
    bold = np.where(honest > 0.5, 0.99, 0.01)
    assert expected_calibration_error(bold, truth) > 0.2


def test_a_probability_of_zero_is_a_large_loss_and_not_infinite() -> None:
    assert 700 < row_nll([[1.0, 0.0]], [1])[0] < math.inf


def test_no_rows_give_nan() -> None:
    none = np.zeros((0, 3))
    assert all(math.isnan(function(none, [])) for function in (brier, nll, expected_calibration_error))


@pytest.mark.parametrize("truth", [[0, 1], [0, 1, 1, 2], [0, 1, 1, -1]])
def test_targets_that_do_not_fit_are_refused(truth: list[int]) -> None:
    with pytest.raises(ValueError, match="targets must be"):
        brier(CHANCES, truth)
