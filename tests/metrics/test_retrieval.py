from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from polysense.metrics import retrieval
from polysense.metrics.retrieval import ranks, recalls


def by_counting(scores: np.ndarray, wanted: np.ndarray, offered: np.ndarray) -> list[int]:
    """The definition, row by row: one, the items that score higher, and the other items that score the same."""
    found = []
    for query, line in enumerate(scores):
        right = [item for item in range(len(line)) if offered[item] == wanted[query]]
        best = max(line[item] for item in right)
        found.append(1 + sum(line[item] >= best for item in range(len(line)) if item not in right))
    return found


def own(rows: int) -> np.ndarray:
    """Query and item of the same number belong together."""
    return np.stack([np.arange(rows)] * 2, axis=1)


@pytest.mark.parametrize("cells", [1, 100, 1 << 22])
def test_the_definition_whatever_the_block(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "CELLS", cells)
    draw = np.random.default_rng(0)
    queries, items = draw.integers(-2, 3, size=(40, 4)), draw.integers(-2, 3, size=(30, 4))
    wanted, offered = draw.integers(0, 10, size=40), np.arange(30) % 10
    pairs = draw.permutation(np.argwhere(wanted[:, None] == offered[None, :]))
    found = ranks(queries, items, pairs=np.concatenate([pairs, pairs[:7]]))
    assert found.tolist() == by_counting(queries @ items.T, wanted, offered)
    assert len(set(found.tolist())) > 3


def test_items_that_are_right_too_are_no_rivals() -> None:
    """Four items score the same: two are right, two are not."""
    found = ranks([[1.0]], [[2.0], [2.0], [2.0], [2.0], [1.0]], pairs=[[0, 0], [0, 1]])
    assert found.tolist() == [3]


@pytest.mark.parametrize("rows", [1, 37, 1037])
def test_one_vector_for_all_is_the_worst(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever kernel multiplies the rest of a block, equal items tie."""
    monkeypatch.setattr(retrieval, "CELLS", 50_000)
    vector = np.random.default_rng(0).normal(size=384).astype(np.float32)
    same = np.tile(vector / np.linalg.norm(vector), (rows, 1))
    assert set(ranks(same, same, pairs=own(rows)).tolist()) == {rows}


def test_a_score_that_is_no_number_counts_against() -> None:
    assert ranks([[np.nan], [1.0]], [[1.0], [2.0], [3.0]], pairs=[[1, 2], [0, 0]]).tolist() == [3, 1]


def test_memory_does_not_grow_with_the_square_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "CELLS", 10_000)
    rows = 2_000
    vectors = np.random.default_rng(0).normal(size=(rows, 8))
    tracemalloc.start()
    try:
        ranks(vectors, vectors, pairs=own(rows))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < rows * rows / 4  # bytes: less than a quarter of the smallest full table


def test_recalls_are_shares() -> None:
    found = recalls(np.array([1, 3, 7, 12]), prefix="a_")
    assert found == {"a_R@1": 0.25, "a_R@5": 0.5, "a_R@10": 0.75, "a_median_rank": 5.0}
