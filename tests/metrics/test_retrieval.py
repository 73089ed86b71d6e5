from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from polysense.metrics import retrieval
from polysense.metrics.retrieval import ranks, recalls, reranked, shortlists


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


def in_two_stages(first: np.ndarray, second: np.ndarray, right: list[set[int]], size: int) -> list[int]:
    """The definition: sort by the first scores, wrong items before right ones of the same; judge the head of the list anew."""
    found = []
    for query, line in enumerate(first):
        order = sorted(range(len(line)), key=lambda item: (-line[item], item in right[query], item))
        head = order[:size]
        best = max((second[query, item] for item in head if item in right[query]), default=None)
        if best is None:
            there = max(line[item] for item in right[query])
            found.append(1 + sum(line[item] >= there for item in order if item not in right[query]))
        else:
            found.append(1 + sum(second[query, item] >= best for item in head if item not in right[query]))
    return found


@pytest.mark.parametrize("size", [1, 2, 5, 12, 50])
def test_the_second_stage_is_its_definition(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "CELLS", 40)
    draw = np.random.default_rng(size)
    queries, items = draw.integers(-2, 3, size=(25, 3)), draw.integers(-2, 3, size=(12, 3))
    joint = draw.integers(0, 6, size=(25, 12))
    pairs = np.concatenate([np.stack([np.arange(25), np.arange(25) % 12], axis=1), np.argwhere(draw.random((25, 12)) < 0.1)])
    right = [set(pairs[pairs[:, 0] == query, 1].tolist()) for query in range(25)]
    listed = shortlists(queries, items, pairs=pairs, size=size)
    assert listed.shape == (25, min(size, 12))
    first = ranks(queries, items, pairs=pairs)
    found = reranked(first, listed, np.take_along_axis(joint, listed, axis=1), pairs=pairs)
    assert found.tolist() == in_two_stages(queries @ items.T, joint, right, size)
    if size >= 12:
        everything = [
            1 + sum(joint[q, i] >= max(joint[q, list(right[q])]) for i in range(12) if i not in right[q]) for q in range(25)
        ]
        assert found.tolist() == everything


def test_a_second_score_that_is_no_number_counts_against() -> None:
    listed, first = np.array([[0, 1, 2]] * 2), np.array([1, 1])
    found = reranked(first, listed, [[np.nan, 0.1, 0.2], [0.5, np.nan, 0.2]], pairs=[[0, 0], [1, 0]])
    assert found.tolist() == [3, 2]
