from __future__ import annotations

from pathlib import Path

import pytest

from made_runs import draw_pictures, make_run


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve pictures, of which 3.jpg is broken and 5.jpg is not there."""
    folder = draw_pictures(tmp_path_factory.mktemp("pictures"))
    (folder / "3.jpg").write_bytes(b"not a picture")
    (folder / "5.jpg").unlink()
    return folder


@pytest.fixture
def run(tmp_path: Path, pictures: Path) -> Path:
    """A run of two seeds with everything in it."""
    return make_run(tmp_path / "both", pictures=pictures)
