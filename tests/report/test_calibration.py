from __future__ import annotations

import numpy as np
import pytest

from polysense.report.calibration import verdict

SURE = np.array([[0.9, 0.1], [0.4, 0.6]])
TRUTH = np.array([0, 1])


@pytest.mark.parametrize(
    ("gap", "error", "said"),
    [
        (0.05, 0.05, "too sure by 5.0 points"),
        (-0.05, 0.05, "less sure than it could be, by 5.0 points"),
        (0.001, 0.02, "It is about as sure as it should be."),
        (0.001, 0.12, "too sure of some answers and not sure enough of others, of this or another seed: by 12.0 points"),
    ],
)
def test_the_sentence_does_not_gainsay_the_error(gap: float, error: float, said: str) -> None:
    assert said in verdict(gap, error, [(SURE, TRUTH)])


def test_of_one_probability_for_all_rows_nothing_is_praised() -> None:
    alike = np.array([[0.6, 0.4], [0.605, 0.395]])
    assert "tell no row from another" in verdict(0.0, 0.0, [(alike, TRUTH)])
    assert "tell no row" not in verdict(0.0, 0.0, [(alike, TRUTH), (SURE, TRUTH)])
