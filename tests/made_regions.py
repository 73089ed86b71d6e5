"""Region files in the form of UNIMO's release, with made-up numbers."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np

FEATURES, CLASSES = 6, 4


def packed(numbers: Any) -> str:
    return base64.b64encode(np.asarray(numbers, "<f4").tobytes()).decode()


def picture(seed: int, count: int = 3, *, height: int = 60, width: int = 80) -> dict[str, Any]:
    """What a detector might give: background first among the classes."""
    draw = np.random.default_rng(seed)
    corners = np.sort(draw.random((count, 2, 2)), axis=1).reshape(count, 4)
    chances = draw.random((count, CLASSES))
    return {
        "name": f"{seed}.jpg",
        "height": height,
        "width": width,
        "count": count,
        "boxes": corners * [width, height, width, height],
        "features": draw.normal(size=(count, FEATURES)),
        "probabilities": chances / chances.sum(axis=1, keepdims=True),
    }


def region_line(**cells: Any) -> str:
    return "\t".join(
        cell if isinstance(cell, str) else str(cell) if np.ndim(cell) == 0 else packed(cell) for cell in cells.values()
    )


def write(path: Path, *lines: str) -> Path:
    path.write_bytes("".join(f"{one}\n" for one in lines).encode())
    return path
