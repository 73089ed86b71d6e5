"""Small folders of pictures for the tests of the data floor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., Path]:
    """``pictures("a.png", "b.png")`` writes small pictures, each of its own colour, and returns the folder."""

    def write(*names: str) -> Path:
        for number, name in enumerate(names):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 6), (40 * number % 256, 90, 200)).save(path)
        return tmp_path

    return write
