"""Rows as plain numbers, for estimators without a neural network: how often words stand in a text, and means of frames over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from polysense.data.frames import Frames
from polysense.types import MODALITIES, Sample

MOST_WORDS = 1000
"""The commonest are counted: memory has an end."""


def sequences(rows: Sequence[Sample]) -> dict[str, int]:
    """The modalities that are sequences of frames in some of the rows, and their widths."""
    found: dict[str, int] = {}
    for name in MODALITIES:
        of_rows = (getattr(row, name) for row in rows)
        first = next((one for one in of_rows if isinstance(one, Frames)), None)
        if first is not None:
            found[name] = first.shape[1]
    return found


class WordsAndMeans:
    """Counts of words and means of frames, each with mean 0 and variance 1 over the rows that it is made of.

    Args:
        rows: whose words are counted, and whose means and variances are taken.
    """

    def __init__(self, rows: Sequence[Sample]) -> None:
        self._widths = sequences(rows)
        self._words = _counter([row.text or "" for row in rows])
        found = self._numbers(rows)
        self._mean = np.nanmean(found, axis=0)
        deviation = np.nanstd(found, axis=0)
        self._deviation = np.where(deviation > 0, deviation, 1)

    def of(self, rows: Sequence[Sample]) -> np.ndarray:
        """(rows, numbers) float32; 0, the mean, where a row lacks a modality.

        Raises:
            DataError: a sequence cannot be read, or has NaN.
        """
        found: np.ndarray = np.nan_to_num((self._numbers(rows) - self._mean) / self._deviation)
        return found

    def _numbers(self, rows: Sequence[Sample]) -> np.ndarray:
        parts = [_means(rows, name, width) for name, width in self._widths.items()]
        if self._words is not None:
            parts.append(self._words.transform([row.text or "" for row in rows]).toarray())
        return np.hstack(parts)


def _counter(texts: Sequence[str]) -> Any:
    """Of words that stand in two texts at least; None where there are none."""
    from sklearn.feature_extraction.text import CountVectorizer

    try:
        return CountVectorizer(min_df=2, max_features=MOST_WORDS, dtype=np.float32).fit(texts)
    except ValueError:
        return None


def _means(rows: Sequence[Sample], name: str, width: int) -> np.ndarray:
    """(rows, width) of a modality; NaN where a row has no sequence."""
    means = np.full((len(rows), width), np.nan, dtype=np.float32)
    for place, row in enumerate(rows):
        if isinstance(found := getattr(row, name), Frames):
            means[place] = found.read().mean(axis=0)
    return means
