"""The small numbers that sentence embeddings are checked by hand with: three sentences, their pairs, negatives and pictures."""

from __future__ import annotations

import math

import pytest
import torch

from polysense.losses import info_nce
from polysense.metrics.geometry import alignment, uniformity

ONE = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
TWO = torch.tensor([[1.0, 0.2], [0.1, 1.0], [0.8, 1.2]])
HARD = torch.tensor([[0.9, 0.3], [0.3, 0.9], [1.0, 0.7]])
PICTURE = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.5, 0.6]])
EXACT = {"abs": 1e-6, "rel": 0}


def test_without_labels() -> None:
    assert info_nce(ONE, TWO, temperature=0.05).item() == pytest.approx(0.034342043, **EXACT)


@pytest.mark.parametrize(("weight", "loss"), [(0.5, 0.384955708), (1.0, 0.577251435), (2.0, 0.875175355)])
def test_with_hard_negatives(weight: float, loss: float) -> None:
    found = info_nce(ONE, TWO, temperature=0.05, hard_negatives=[HARD], hard_negative_log_weight=math.log(weight))
    assert found.item() == pytest.approx(loss, **EXACT)


def test_grounding_both_ways() -> None:
    text_to_image = [info_nce(one, PICTURE, temperature=0.05).item() for one in (ONE, TWO)]
    image_to_text = [info_nce(PICTURE, one, temperature=0.05).item() for one in (ONE, TWO)]
    assert sum(text_to_image) / 2 == pytest.approx(0.073987473, **EXACT)
    assert sum(image_to_text) / 2 == pytest.approx(0.083330538, **EXACT)


def test_the_shape_of_the_space() -> None:
    assert alignment(ONE, TWO) == pytest.approx(0.029200972, **EXACT)
    assert uniformity(ONE) == pytest.approx(-1.547913379, **EXACT)
    assert uniformity(ONE, TWO) == pytest.approx(-0.895389819, **EXACT)


def test_a_hard_negative_never_lowers_the_loss_and_none_is_its_limit() -> None:
    plain = info_nce(ONE, TWO, temperature=0.3)
    for weight in (1e-9, 0.1, 1.0, 10.0):
        assert info_nce(ONE, TWO, temperature=0.3, hard_negatives=[HARD], hard_negative_log_weight=math.log(weight)) > plain
    same = info_nce(ONE, ONE, temperature=1e-3)
    assert same.item() == pytest.approx(0.0, abs=1e-6)  # the diagonal dominates
    assert info_nce(ONE[:1].repeat(4, 1), ONE[:1].repeat(4, 1), temperature=0.05).item() == pytest.approx(math.log(4), abs=1e-6)


def test_rotation_and_scale_change_nothing() -> None:
    turn = torch.tensor([[math.cos(0.7), -math.sin(0.7)], [math.sin(0.7), math.cos(0.7)]])
    scale = torch.tensor([[2.0], [0.3], [7.0]])
    torch.testing.assert_close(
        info_nce(scale * ONE @ turn, TWO @ turn, temperature=0.05), info_nce(ONE, TWO, temperature=0.05), atol=1e-5, rtol=1e-4
    )
