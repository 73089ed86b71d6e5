from __future__ import annotations

import math

from polysense.metrics.spread import mean_and_std, sample_std


def test_of_one_value_there_is_none() -> None:
    assert sample_std([0.5]) is None


def test_what_is_no_number_has_no_spread() -> None:
    assert math.isnan(sample_std([0.5, math.nan]) or 0.0)


def test_it_is_that_of_a_sample() -> None:
    assert sample_std([1.0, 3.0]) == math.sqrt(2)


def test_it_stands_behind_the_mean_where_there_is_one() -> None:
    assert mean_and_std([0.5]) == "0.5000"
    assert mean_and_std([1.0, 3.0], 2) == "2.00 ± 1.41"
    assert mean_and_std([0.5, math.nan]) == "nan ± nan"
