from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysense.inference.encoding.token_batches import token_batches


@given(st.lists(st.integers(1, 300), max_size=80), st.integers(1, 600), st.none() | st.integers(1, 9))
def test_every_row_once_and_no_batch_too_big(lengths: list[int], tokens: int, most_rows: int | None) -> None:
    array = np.array(lengths, dtype=np.int64)
    batches = [rows.tolist() for rows in token_batches(array, tokens=tokens, most_rows=most_rows)]
    assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * max(lengths[row] for row in rows) <= tokens
        assert most_rows is None or len(rows) <= most_rows


def test_rows_of_like_length_stand_together() -> None:
    lengths = np.array([2, 9, 2, 8, 1])
    assert [rows.tolist() for rows in token_batches(lengths, tokens=18)] == [[1, 3], [0, 2, 4]]


@pytest.mark.parametrize("length", [0, 50])
def test_a_row_that_fits_nowhere_is_a_batch(length: int) -> None:
    assert [rows.tolist() for rows in token_batches(np.array([length]), tokens=10)] == [[0]]
