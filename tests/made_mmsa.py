"""Made files in the layout of MMSA's, of the published widths and lengths, with a few rows."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

SHAPES: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "mosi": ((375, 5), (500, 20)),
    "mosei": ((500, 74), (375, 35)),
    "sims": ((400, 33), (55, 709)),
}
"""Longest sequence and width of sound and of film, as published."""

ROWS = {"train": 9, "valid": 3, "test": 3}
LIMITS = {"mosi": 3, "mosei": 3, "sims": 1}
SINGLE = {"sims": "TAV"}
"""The sets whose single modalities people scored, too."""


def pickled(folder: Path, kind: str, *, aligned: bool = False) -> Path:
    """A file in MMSA's layout, of the published widths and maximal lengths."""
    draw = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for split, rows in ROWS.items():
        scores = LIMITS[kind] * np.linspace(-1, 1, rows).astype(np.float32)
        part: dict[str, Any] = {
            "raw_text": [f"words of clip {split} {row}" for row in range(rows)],
            "id": [f"{split}$_${row}" for row in range(rows)],
            "regression_labels": scores,
            **{f"regression_labels_{letter}": scores / 2 for letter in SINGLE.get(kind, "")},
        }
        if aligned:  # sound and film have the lengths of the texts' tokens
            part["text_bert"] = np.zeros((rows, 3, 50), np.float32)
            for row, length in enumerate([50, *draw.integers(2, 20, rows - 1).tolist()]):
                part["text_bert"][row, 1, :length] = 1
        for key, (longest, width) in zip(("audio", "vision"), SHAPES[kind], strict=True):
            part[key] = draw.standard_normal((rows, 50 if aligned else longest, width)).astype(np.float32)
            if not aligned:
                part[f"{key}_lengths"] = [longest, *draw.integers(1, 20, rows - 1).tolist()]
        found[split] = part
    path = folder / f"{kind}.pkl"
    path.write_bytes(pickle.dumps(found))
    return path
