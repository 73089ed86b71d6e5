from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from polysense.data.features import RandomVector, StoredVector, feature_shape
from polysense.data.media import content_key, load_image
from polysense.errors import DataError, PolysenseError

VECTORS = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)


def stored(folder: Path, ending: str, array: np.ndarray = VECTORS, dataset: str = "features") -> Path:
    path = folder / f"pictures{ending}"
    if ending == ".npy":
        np.save(path, array)
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset(dataset, data=array)
    return path


@pytest.mark.parametrize("ending", [".npy", ".hdf5", ".h5"])
def test_a_row_is_read_as_it_was_written(tmp_path: Path, ending: str) -> None:
    path = stored(tmp_path, ending)
    assert feature_shape(path) == (5, 3)
    for row in range(5):
        vector = StoredVector(path, row)
        assert vector.width == 3
        assert vector.read().dtype == np.float32
        assert vector.read().tolist() == VECTORS[row].tolist()


def test_a_compressed_data_set_of_another_name_and_number_format(tmp_path: Path) -> None:
    path = tmp_path / "pictures.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("deep/down", data=VECTORS.astype(np.float64), chunks=(2, 3), compression="gzip")
    assert StoredVector(path, 4, "deep/down").read().tolist() == VECTORS[4].tolist()
    with pytest.raises(DataError, match=r"pictures\.hdf5 has no data set 'features'; .*valid: 'deep'"):
        feature_shape(path)
    with pytest.raises(DataError, match="has no data set 'deep'"):  # a group
        feature_shape(path, "deep")


def test_equal_numbers_are_equal_content_wherever_they_are_stored(tmp_path: Path) -> None:
    array = np.concatenate([VECTORS, VECTORS[:1]])
    (tmp_path / "two").mkdir()
    one, two = stored(tmp_path, ".npy", array), stored(tmp_path / "two", ".hdf5", array.astype(np.float64))
    keys = [content_key(StoredVector(one, row)) for row in range(6)]
    assert keys == [content_key(StoredVector(two, row)) for row in range(6)]
    assert keys[5] == keys[0]
    assert len(set(keys)) == 5
    assert all(0 < key < 2**63 for key in keys)


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    path = stored(tmp_path, ".npy")
    vector = StoredVector(path, 1)
    before = vector.key
    stored(tmp_path, ".npy", -VECTORS)
    os.utime(path, ns=(1, 1))
    assert vector.read().tolist() == (-VECTORS[1]).tolist()
    assert vector.key != before


@pytest.mark.parametrize("ending", [".npy", ".hdf5"])
def test_no_other_row_is_read(tmp_path: Path, ending: str) -> None:
    """The file takes 4 gigabytes in name and a few kilobytes on the disk: it is mostly a hole."""
    path = tmp_path / f"large{ending}"
    rows, width = 1 << 19, 1 << 11
    if ending == ".npy":
        array: Any = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, width))
        array[rows - 1] = 1
        array.flush()
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("features", (rows, width), np.float32, chunks=(1, width))[rows - 1] = 1
    before = peak()
    assert StoredVector(path, rows - 1).read().sum() == width
    assert StoredVector(path, 0).read().sum() == 0
    assert peak() - before < 1 << 28


def peak() -> int:
    """Bytes of memory that this process has had at most."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
def test_what_is_not_finite_is_refused_by_file_and_row(tmp_path: Path, wrong: float) -> None:
    array = VECTORS.astype(np.float64)
    array[2, 1] = wrong
    path = stored(tmp_path, ".hdf5", array)
    with pytest.raises(DataError, match=r"pictures\.hdf5, row 3 holds NaN or infinite numbers"):
        StoredVector(path, 2).read()
    assert StoredVector(path, 2).key != StoredVector(path, 1).key
    assert np.isfinite(StoredVector(path, 1).read()).all()


@pytest.mark.parametrize("row", [5, -1])
def test_a_row_outside_the_file(tmp_path: Path, row: int) -> None:
    vector = StoredVector(stored(tmp_path, ".npy"), row)
    for ask in (vector.read, lambda: vector.key):
        with pytest.raises(DataError, match=rf"pictures\.npy has 5 rows, there is no row {row + 1}"):
            ask()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros(3, np.float32), r"the shape \(3,\); expected \(rows, width\)"),
        (np.zeros((3, 0), np.float32), r"the shape \(3, 0\)"),
        (np.zeros((3, 2), np.int64), "holds int64; expected floating-point numbers"),
    ],
)
@pytest.mark.parametrize("ending", [".npy", ".hdf5"])
def test_arrays_of_another_kind(tmp_path: Path, ending: str, array: np.ndarray, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        feature_shape(stored(tmp_path, ending, array))


@pytest.mark.parametrize("ending", [".npy", ".hdf5"])
@pytest.mark.parametrize("kept", [0, 100])
def test_empty_truncated_and_missing_files(tmp_path: Path, ending: str, kept: int) -> None:
    path = stored(tmp_path, ending)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=rf"pictures{ending} cannot be read"):
        feature_shape(path)
    path.unlink()
    with pytest.raises(DataError, match=rf"pictures{ending} cannot be read: No such file"):
        feature_shape(path)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "pictures.npy"
    np.save(path, np.array([["x"]], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"pictures\.npy cannot be read"):
        feature_shape(path)


def test_other_endings_are_named(tmp_path: Path) -> None:
    (tmp_path / "pictures.pt").write_bytes(b"x")
    with pytest.raises(DataError, match=r"pictures\.pt is no file of vectors; they end in \.npy, \.hdf5, \.h5"):
        feature_shape(tmp_path / "pictures.pt")


@pytest.mark.parametrize("how", ["external link", "external storage", "virtual"])
def test_numbers_of_another_file_are_not_read(tmp_path: Path, how: str) -> None:
    other = stored(tmp_path, ".h5")
    path = tmp_path / "pictures.hdf5"
    with h5py.File(path, "w") as file:
        if how == "external link":
            file["features"] = h5py.ExternalLink(str(other), "features")
        elif how == "external storage":
            file.create_dataset("features", (1, 3), np.float32, external=[(str(other), 0, 12)])
        else:
            layout = h5py.VirtualLayout(shape=(5, 3), dtype=np.float32)
            layout[:] = h5py.VirtualSource(str(other), "features", shape=(5, 3))
            file.create_virtual_dataset("features", layout)
    with pytest.raises(DataError, match="the data set 'features' keeps its numbers in another file"):
        feature_shape(path)


def test_without_h5py_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored(tmp_path, ".hdf5")
    real = builtins.__import__

    def refusing(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refusing)
    with pytest.raises(PolysenseError, match=r"pip install 'polysense\[features\]'"):
        feature_shape(path)


def test_random_vectors_follow_from_the_seed() -> None:
    one, again, other = RandomVector(4, seed=1), RandomVector(4, seed=1), RandomVector(4, seed=2)
    assert one.width == 4
    assert one.read().shape == (4,)
    assert one.read().tolist() == again.read().tolist() != other.read().tolist()
    assert one.key == again.key != other.key


def test_a_vector_is_no_picture(tmp_path: Path) -> None:
    vector = StoredVector(stored(tmp_path, ".npy"), 0)
    with pytest.raises(DataError, match=r"pictures\.npy, row 1 is a vector and no picture"):
        load_image(vector)
    assert content_key(vector) != content_key(Image.new("RGB", (1, 1)))
