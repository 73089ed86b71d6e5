"""Rows of different lengths as batches of about equal work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def token_batches(lengths: np.ndarray, *, tokens: int, most_rows: int | None = None) -> Iterator[np.ndarray]:
    """The row numbers of each batch, the longest rows first; every row stands in one batch.

    Args:
        lengths: (rows,) tokens of each row.
        tokens: a batch's rows times its longest row are no more than this, unless one row alone is longer.
        most_rows: of a batch.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        fit = max(1, tokens // max(1, int(lengths[order[start]])))
        end = start + (fit if most_rows is None else min(fit, most_rows))
        yield order[start:end]
        start = end
