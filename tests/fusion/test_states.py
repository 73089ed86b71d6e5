"""Sequences of different lengths: their ends, their means, and how one is laid over another."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polysense.fusion.states import States


def states(*lengths: int, width: int = 4) -> States:
    return States(
        torch.randn(len(lengths), max(lengths), width, generator=torch.Generator().manual_seed(0)), torch.tensor(lengths)
    )


def test_the_last_state_and_the_mean_are_each_rows_own() -> None:
    both = states(2, 3)
    assert torch.equal(both.last(), torch.stack([both.states[0, 1], both.states[1, 2]]))
    torch.testing.assert_close(both.mean(), torch.stack([both.states[0, :2].mean(dim=0), both.states[1].mean(dim=0)]))


@pytest.mark.parametrize(
    ("length", "over", "expected"),
    [
        (10, 5, [0.5, 2.5, 4.5, 6.5, 8.5]),
        (4, 4, [0, 1, 2, 3]),
        (2, 4, [0, 0, 1, 1]),
        (3, 2, [1 / 3, 5 / 3]),
        (1, 3, [0, 0, 0]),
    ],
)
def test_the_golden_chunks(length: int, over: int, expected: list[float]) -> None:
    counted = States(torch.arange(float(length))[None, :, None], torch.tensor([length]))
    torch.testing.assert_close(counted.spread(states(over))[0, :, 0], torch.tensor(expected, dtype=torch.float32))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 3), st.integers(0, 3))
def test_padding_of_either_side_changes_nothing_and_the_mean_is_kept(length: int, over: int, behind: int, more: int) -> None:
    one, other = states(length), states(over)
    found = one.spread(other)
    torch.testing.assert_close(found.mean(dim=1), one.mean())
    padded = States(torch.nn.functional.pad(one.states, (0, 0, 0, behind), value=7.0), one.lengths)
    longer = States(torch.nn.functional.pad(other.states, (0, 0, 0, more)), other.lengths)
    spread = padded.spread(longer)
    torch.testing.assert_close(spread[:, :over], found)
    assert not spread[:, over:].any()
