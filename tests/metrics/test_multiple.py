from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysense.metrics.multiple import holm


def test_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5]) == [0.5]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_it_lies_between_no_correction_and_bonferroni_and_keeps_the_order(values: list[float]) -> None:
    found = holm(values)
    for one, adjusted in zip(values, found, strict=True):
        assert one <= adjusted <= min(1.0, len(values) * one) + 1e-12
    order = sorted(range(len(values)), key=values.__getitem__)
    assert [found[place] for place in order] == sorted(found)
