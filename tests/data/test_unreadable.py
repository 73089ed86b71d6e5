"""Damaged files of arrays are told by name, whatever their reader raises."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from polysense.data.features import feature_shape
from polysense.data.frames import StoredFrames
from polysense.data.rows import RowReader
from polysense.data.unreadable import mapped_array, unreadable
from polysense.errors import DataError, Problem, RecipeError


def archive() -> bytes:
    held = io.BytesIO()
    np.savez(held, a=np.ones((2, 3), np.float32))
    return held.getvalue()


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + (len(text) + 1).to_bytes(2, "little") + text.encode() + b"\n"


DAMAGED = {
    "an archive": archive(),
    "a cut archive": archive()[:60],
    "an unclosed header": header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3"),
    "a header of another type": header("{'descr': '<f4', 'fortran_order': False, 'shape': 'wide'}"),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_array_is_named(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "take.npy"
    file.write_bytes(DAMAGED[kind])
    with pytest.raises(DataError, match=r"take\.npy cannot be read: ."):
        mapped_array(file)
    with pytest.raises(DataError, match=r"take\.npy cannot be read: ."):
        feature_shape(file)
    with pytest.raises(DataError, match=r"take\.npy holds no array of numbers"):
        assert StoredFrames(file).shape


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_array_is_a_bad_row(kind: str, tmp_path: Path) -> None:
    (tmp_path / "take.npy").write_bytes(DAMAGED[kind])
    reader = RowReader(file="clips.csv", columns={"text": "text", "audio": "audio"}, media_root=tmp_path)
    found = reader.read({"text": "words", "audio": "take.npy"}, 3)
    assert isinstance(found, Problem)
    assert (found.row, found.field) == (3, "audio")


def test_a_damaged_data_set_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pictures.h5"
    with h5py.File(file, "w") as opened:
        opened["features"] = np.ones((5, 3), np.float32)
    whole = file.read_bytes()
    told = []
    for place in range(0, len(whole), 8):
        damaged = tmp_path / f"pictures-{place}.h5"
        damaged.write_bytes(whole[:place] + b"\xff" * 8 + whole[place + 8 :])
        try:
            feature_shape(damaged)
        except DataError as error:
            told.append(damaged.name in str(error))
    assert len(told) > 20
    assert all(told)


def test_errors_of_ours_pass_and_those_of_the_system_are_told_shortly() -> None:
    with pytest.raises(RecipeError, match=r"^ours$"), unreadable(Path("a.npy")):
        raise RecipeError("ours")
    with pytest.raises(DataError, match=r"a\.npy cannot be read: Permission denied$"), unreadable(Path("a.npy")):
        raise PermissionError(13, "Permission denied")
