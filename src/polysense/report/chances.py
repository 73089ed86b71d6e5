"""The probabilities that a run gave to the classes of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polysense.training.predictions import Predictions

Floats = NDArray[np.float64]


def chances_of(row: Mapping[str, Any], *, labels: Sequence[str]) -> list[float] | None:
    """The row's probabilities in the order of ``labels``; None if it has none that cover them."""
    found = row.get("probabilities")
    if not isinstance(found, dict) or not all(isinstance(found.get(label), int | float) for label in labels):
        return None
    return [float(found[label]) for label in labels]


def labelled_chances(predictions: Predictions, *, labels: Sequence[str]) -> tuple[Floats, NDArray[np.int64]]:
    """Probabilities (rows, K) and true classes (rows,) of the rows that have one target and probabilities."""
    places = {label: place for place, label in enumerate(labels)}
    pairs = [
        (chances, places[row["target"]])
        for row in predictions.rows
        if isinstance(row["target"], str)
        and row["target"] in places
        and (chances := chances_of(row, labels=labels)) is not None
    ]
    matrix = np.array([chances for chances, _ in pairs], dtype=np.float64).reshape(len(pairs), len(labels))
    return matrix, np.array([target for _, target in pairs], dtype=np.int64)
