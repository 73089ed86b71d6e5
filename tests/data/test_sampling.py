from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polysense.data.sampling import ShuffledBatches


def epoch_of(rows: int, batch_size: int, *, seed: int = 0, epoch: int = 0) -> list[list[int]]:
    batches = ShuffledBatches(rows, batch_size, seed=seed)
    batches.set_epoch(epoch)
    return list(batches)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 40), st.integers(0, 5))
def test_every_row_once_in_batches_of_the_size_asked_for(rows: int, batch_size: int, epoch: int) -> None:
    made = epoch_of(rows, batch_size, epoch=epoch)
    assert sorted(row for batch in made for row in batch) == list(range(rows))
    assert len(made) == len(ShuffledBatches(rows, batch_size, seed=0))
    assert all(len(batch) == batch_size for batch in made[:-1])
    assert 1 <= len(made[-1]) <= batch_size + 1
    if rows > 1 < batch_size:
        assert len(made[-1]) > 1


def test_a_last_batch_of_one_joins_the_batch_before() -> None:
    assert [len(batch) for batch in epoch_of(9, 4)] == [4, 5]
    assert [len(batch) for batch in epoch_of(10, 4)] == [4, 4, 2]
    assert [len(batch) for batch in epoch_of(1, 4)] == [1]
    assert [len(batch) for batch in epoch_of(3, 1)] == [1, 1, 1]


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    batches = ShuffledBatches(50, 8, seed=3)
    first = list(batches)
    assert list(batches) == first
    batches.set_epoch(1)
    second = list(batches)
    assert second != first
    assert epoch_of(50, 8, seed=3, epoch=1) == second
    assert epoch_of(50, 8, seed=4) != first


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_next_seed_does_not_repeat_the_next_epoch(seed: int) -> None:
    assert epoch_of(50, 8, seed=seed + 1, epoch=0) != epoch_of(50, 8, seed=seed, epoch=1)
