"""Temperatures and thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import f1_score, log_loss

from polysense.metrics.temperature import fitted_temperature
from polysense.metrics.thresholds import answered, fitted_cuts, fitted_thresholds, macro_f1

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 3, 400)
HONEST = 2 * np.eye(3)[TRUTH] + RNG.normal(size=(400, 3)) * 1.4


def test_the_temperature_is_the_one_with_the_lowest_log_loss() -> None:
    found = fitted_temperature(HONEST * 3, TRUTH)
    tried = np.geomspace(0.1, 10, 400)
    losses = [log_loss(TRUTH, softmax(HONEST * 3 / one, axis=1)) for one in tried]
    assert found == pytest.approx(tried[int(np.argmin(losses))], rel=0.02)


def test_scaled_logits_scale_the_temperature() -> None:
    once = fitted_temperature(HONEST, TRUTH)
    assert fitted_temperature(HONEST * 2.5, TRUTH) == pytest.approx(2.5 * once, rel=0.02)
    assert fitted_temperature(HONEST - HONEST.max(axis=1, keepdims=True), TRUTH) == pytest.approx(once, rel=1e-4)


def test_several_classes_a_row() -> None:
    truth = (RNG.random((500, 4)) < 0.3).astype(int)
    logits = 3 * (2 * truth - 1) + RNG.normal(size=truth.shape) * 2.5
    found = fitted_temperature(logits * 4, truth)
    losses = {one: log_loss(truth.ravel(), expit(logits * 4 / one).ravel()) for one in np.geomspace(0.5, 20, 300)}
    assert found == pytest.approx(min(losses, key=lambda one: losses[one]), rel=0.03)


def test_a_few_rows_that_are_all_right_do_not_make_it_sure_of_the_next_ones() -> None:
    """Nor a few that are all wrong, that it says nothing; the more there are, the more they say."""
    draw = np.random.default_rng(1)
    truth = draw.integers(0, 3, 5000)
    logits = 2 * np.eye(3)[truth] + draw.normal(size=(5000, 3))
    right = np.flatnonzero(logits.argmax(axis=1) == truth)[:12]
    found = fitted_temperature(logits[right], truth[right])
    before, after = (log_loss(truth, softmax(logits / one, axis=1)) for one in (1.0, found))
    assert after < 1.3 * before
    sure = [fitted_temperature(np.eye(3)[TRUTH[:rows]], TRUTH[:rows]) for rows in (1, 12, 400)]
    lost = [fitted_temperature(-np.eye(3)[TRUTH[:rows]], TRUTH[:rows]) for rows in (1, 12, 400)]
    assert 1 > sure[0] > sure[1] > sure[2] > 0.1
    assert 1 < lost[0] < lost[1] < lost[2] <= 20
    assert sure[0] > 0.5


def test_equal_logits_leave_it_at_one() -> None:
    assert fitted_temperature(np.zeros((9, 3)), TRUTH[:9]) == pytest.approx(1, abs=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    for logits, truth in ((np.zeros((0, 2)), []), (np.zeros((2, 2)), [0]), (np.zeros(3), [0, 1, 2])):
        with pytest.raises(ValueError, match="do not fit"):
            fitted_temperature(logits, truth)


def test_macro_f1_is_scikit_learns() -> None:
    found = RNG.integers(0, 4, 200)
    truth = RNG.integers(0, 3, 200)
    assert macro_f1(found, truth, 5) == pytest.approx(f1_score(truth, found, labels=range(5), average="macro", zero_division=0))


def test_even_thresholds_answer_the_likeliest() -> None:
    chances = softmax(HONEST, axis=1)
    assert (answered(chances, [0.2] * 3) == chances.argmax(axis=1)).all()


def test_rare_classes_are_answered_for_the_macro_f1() -> None:
    truth = RNG.choice(3, 600, p=[0.8, 0.15, 0.05])
    logits = np.log([0.8, 0.15, 0.05]) + 1.5 * np.eye(3)[truth] + RNG.normal(size=(600, 3))
    chances = softmax(logits, axis=1)
    found = fitted_thresholds(chances, truth)
    even, own = (macro_f1(answered(chances, one), truth, 3) for one in (np.full(3, 1 / 3), found))
    assert found.sum() == pytest.approx(1)
    assert found[2] < found[0]
    assert own > even + 0.05


def test_thresholds_stay_even_where_nothing_is_to_be_gained() -> None:
    assert fitted_thresholds(np.eye(3)[TRUTH] * 0.9 + 0.1 / 3, TRUTH) == pytest.approx([1 / 3] * 3)
    assert fitted_thresholds([[0.6, 0.4]], [0]) == pytest.approx([0.5, 0.5])


def test_a_class_without_a_row_keeps_an_even_threshold() -> None:
    """The others get what they would get without it, so that they push it out neither by its own threshold nor by theirs."""
    truth = RNG.choice(2, 600, p=[0.85, 0.15])
    logits = np.log([0.7, 0.1, 0.2]) + 1.5 * np.eye(3)[truth] + RNG.normal(size=(600, 3))
    chances = softmax(logits, axis=1)
    found = fitted_thresholds(chances, truth)
    assert found[2] == pytest.approx(1 / 3)
    assert found[:2] == pytest.approx(fitted_thresholds(chances[:, :2], truth) * 2 / 3)
    assert found.sum() == pytest.approx(1)
    assert found[1] < found[0]
    assert fitted_thresholds(chances[truth == 0], truth[truth == 0]) == pytest.approx([1 / 3] * 3)


def test_cuts_are_the_best_of_all_that_tell_rows_apart() -> None:
    truth = (RNG.random((80, 3)) < [0.5, 0.2, 0.05]).astype(int)
    chances = expit(2 * truth - 2 + RNG.normal(size=truth.shape))
    found = fitted_cuts(chances, truth)
    for label in range(3):
        every = [f1_score(truth[:, label], chances[:, label] >= one, zero_division=0) for one in np.unique(chances[:, label])]
        assert f1_score(truth[:, label], chances[:, label] >= found[label], zero_division=0) == pytest.approx(max(every))


def test_a_class_that_no_row_has_keeps_one_half() -> None:
    assert fitted_cuts([[0.3, 0.9], [0.2, 0.1]], [[0, 1], [0, 0]]) == pytest.approx([0.5, 0.5])


def test_equal_probabilities_stand_or_fall_together() -> None:
    [cut] = fitted_cuts([[0.3], [0.3], [0.1], [0.1]], [[1], [1], [0], [0]])
    assert 0.1 < cut <= 0.3
