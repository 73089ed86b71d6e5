from __future__ import annotations

import math

import numpy as np
import pytest

from polysense.metrics.calibration import (
    brier,
    classwise_calibration_error,
    expected_calibration_error,
    nll,
    reliability_bins,
    row_nll,
)

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


def test_of_several_labels_by_hand() -> None:
    chances, truth = [[0.9, 0.2], [0.8, 0.2], [0.3, 0.6]], [[1, 0], [0, 1], [0, 1]]
    # Bins of width 1/2. First label: (.3, no) below; (.9, yes), (.8, no) above. Second: (.2, no), (.2, yes) below; (.6, yes) above.
    first = (1 * abs(0 - 0.3) + 2 * abs(0.5 - 0.85)) / 3
    second = (2 * abs(0.5 - 0.2) + 1 * abs(1 - 0.6)) / 3
    assert classwise_calibration_error(chances, truth, bins=2) == pytest.approx((first + second) / 2)
    assert classwise_calibration_error([[0.0, 1.0]], [[0, 1]]) == 0
    assert math.isnan(classwise_calibration_error(np.zeros((0, 2)), np.zeros((0, 2))))
    with pytest.raises(ValueError, match="alike"):
        classwise_calibration_error(chances, [0, 1, 1])


def test_of_two_labels_that_exclude_each_other_it_is_that_of_either() -> None:
    generator = np.random.default_rng(1)
    chance = generator.uniform(size=500)
    truth = generator.uniform(size=500) < chance**2
    both = np.stack([chance, 1 - chance], axis=1)
    one = classwise_calibration_error(both[:, :1], truth[:, None])
    assert one > 0.1
    assert classwise_calibration_error(both, np.stack([truth, ~truth], axis=1)) == pytest.approx(one)
