from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from polysense.metrics.correlation import spearman
from polysense.metrics.rank_bootstrap import _Ranked, _weighted_correlation, averaged, resampled_spearman

Floats = NDArray[np.float64]


def made(*, seeds: int, rows: int, noise: tuple[float, float], seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Gold scores with ties, and two systems that follow them with noise; each seed adds its own."""
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, 11, size=rows) / 2
    arms = [gold + level * generator.normal(size=rows) + 0.3 * generator.normal(size=(seeds, rows)) for level in noise]
    return arms[0].round(1), arms[1].round(1), gold


def test_the_correlation_of_a_draw_is_that_of_the_rows_that_it_repeats() -> None:
    one, _, gold = made(seeds=1, rows=30, noise=(1.0, 1.0))
    counts = np.random.default_rng(1).multinomial(30, np.full(30, 1 / 30), size=20).astype(np.float64)
    found = _weighted_correlation(_Ranked(one[0]).ranks(counts), _Ranked(gold).ranks(counts), counts)
    for value, count in zip(found, counts, strict=True):
        repeated = np.repeat(np.arange(30), count.astype(int))
        assert value == pytest.approx(spearman(one[0][repeated], gold[repeated]))


def test_a_better_system_is_told_from_a_worse_one() -> None:
    base, other, gold = made(seeds=3, rows=400, noise=(4.0, 1.0))
    found = resampled_spearman(base, other, gold, resamples=300, seed=0).described
    assert found.base == pytest.approx(np.mean([spearman(scores, gold) for scores in base]))
    assert found.low < found.difference < found.high
    assert found.low > 0
    assert found.p_value == pytest.approx(2 / 301)
    assert len(found.per_seed) == 3
    back = resampled_spearman(other, base, gold, resamples=300, seed=0).described
    assert (back.difference, back.low, back.high) == pytest.approx((-found.difference, -found.high, -found.low))


def test_equal_systems_differ_by_zero_with_p_one() -> None:
    base, _, gold = made(seeds=2, rows=50, noise=(1.0, 1.0))
    found = resampled_spearman(base, base, gold, resamples=100, seed=0).described
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_the_interval_of_systems_that_do_not_differ_holds_zero_about_as_often_as_it_says() -> None:
    inside = 0
    for trial in range(60):
        base, other, gold = made(seeds=1, rows=120, noise=(1.5, 1.5), seed=trial)
        found = resampled_spearman(base, other, gold, resamples=200, seed=trial).described
        inside += found.low <= 0 <= found.high
    assert 52 <= inside <= 60


def test_a_draw_without_two_values_counts_as_no_correlation() -> None:
    gold = np.array([0.0, 0.0, 0.0, 5.0])
    found = resampled_spearman(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[4.0, 3.0, 2.0, 1.0]]), gold, resamples=200, seed=0)
    assert np.isfinite(found.differences).all()
    assert (found.differences == 0).any()


def test_parts_are_averaged_over_the_same_seeds() -> None:
    parts = [
        resampled_spearman(*made(seeds=2, rows=40 + 10 * part, noise=(2.0, 1.0), seed=part), resamples=100, seed=0, part=part)
        for part in range(2)
    ]
    whole = averaged(parts)
    assert whole.differences == pytest.approx((parts[0].differences + parts[1].differences) / 2)
    assert whole.described.difference == pytest.approx(np.mean([part.described.difference for part in parts]))


def test_arrays_that_do_not_fit_are_refused() -> None:
    base, other, gold = made(seeds=2, rows=10, noise=(1.0, 1.0))
    with pytest.raises(ValueError, match="do not fit"):
        resampled_spearman(base, other[:1], gold, resamples=10, seed=0)
