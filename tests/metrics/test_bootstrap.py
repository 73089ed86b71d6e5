from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from polysense.metrics.bootstrap import PairedDifference, paired_bootstrap

Floats = NDArray[np.float64]


def accuracy(counts: Floats) -> dict[str, Floats]:
    return {"accuracy": counts[..., 0] / counts[..., 1]}


def as_counts(right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(seeds, rows) right or wrong, as hits and rows."""
    return np.stack([right, np.ones_like(right)], axis=-1).astype(np.int64)


def difference(base: NDArray[np.bool_], other: NDArray[np.bool_], *, resamples: int = 400) -> PairedDifference:
    return paired_bootstrap(as_counts(base), as_counts(other), accuracy, resamples=resamples)["accuracy"]


def simulated(generator: np.random.Generator, *, seeds: int, rows: int, gain: float = 0.0) -> list[NDArray[np.bool_]]:
    """Two systems: each finds its own rows hard (alike for all its seeds), and each seed adds luck."""
    answers = []
    for edge in (0.0, gain):
        ease = generator.normal(size=rows) + generator.normal(size=(seeds, rows)) * 0.5 + 0.6 + edge
        answers.append(ease > 0)
    return answers


def test_equal_systems_differ_by_zero_with_p_one() -> None:
    right, _ = simulated(np.random.default_rng(0), seeds=3, rows=50)
    found = difference(right, right)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    assert found.per_seed == (0, 0, 0)


@pytest.mark.parametrize("seeds", [1, 5])
def test_equal_accuracy_is_called_different_in_about_one_case_of_twenty(seeds: int) -> None:
    generator = np.random.default_rng(1)
    cases = 300
    found = [difference(*simulated(generator, seeds=seeds, rows=200), resamples=200) for _ in range(cases)]
    share = sum(case.p_value < 0.05 for case in found) / cases
    assert 0.01 <= share <= 0.09
    covered = sum(case.low <= 0 <= case.high for case in found) / cases
    assert 0.91 <= covered <= 0.99


def test_a_known_shift_is_found() -> None:
    found = difference(*simulated(np.random.default_rng(2), seeds=4, rows=600, gain=0.6))
    assert 0.08 < found.low < found.difference < found.high < 0.25
    assert found.p_value < 0.01


def test_the_interval_is_the_one_of_rows_drawn_one_by_one() -> None:
    base, other = simulated(np.random.default_rng(3), seeds=3, rows=400, gain=0.2)
    found = difference(base, other, resamples=4000)
    generator = np.random.default_rng(4)
    plain = []
    for _ in range(4000):
        seeds, rows = generator.integers(3, size=3), generator.integers(400, size=400)
        plain.append(np.mean([other[seed][rows].mean() - base[seed][rows].mean() for seed in seeds]))
    low, high = np.quantile(plain, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)


def test_swapping_the_systems_turns_the_sign() -> None:
    base, other = simulated(np.random.default_rng(5), seeds=2, rows=60, gain=0.3)
    there, back = difference(base, other), difference(other, base)
    assert there.difference == pytest.approx(-back.difference)
    assert there.per_seed == pytest.approx([-value for value in back.per_seed])


def test_p_is_never_zero() -> None:
    found = difference(np.zeros((2, 30), dtype=bool), np.ones((2, 30), dtype=bool), resamples=99)
    assert found.p_value == pytest.approx(2 / 100)


def test_the_draws_are_repeatable_whatever_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    from polysense.metrics import bootstrap

    base, other = simulated(np.random.default_rng(6), seeds=2, rows=60)
    whole = difference(base, other)
    assert difference(base, other) == whole
    monkeypatch.setattr(bootstrap, "CHUNK", 100)
    assert difference(base, other) == whole


@pytest.mark.parametrize("shape", [(0, 5, 2), (2, 0, 2), (5, 2)])
def test_nothing_to_resample_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not empty"):
        paired_bootstrap(np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64), accuracy)
