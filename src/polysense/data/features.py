"""Pictures as vectors that were computed before: rows of an HDF5 data set or a NumPy array, each read when it is asked for."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polysense.data.unreadable import mapped_array, unreadable
from polysense.errors import ArgumentError, DataError, PolysenseError, choices, display

if TYPE_CHECKING:
    import numpy as np

HDF5: tuple[str, ...] = (".hdf5", ".h5")
"""File endings that h5py reads; ``.npy`` is read by NumPy."""

DATASET = "features"
"""The data set of an HDF5 file that holds the vectors, unless another is named."""


class Vector(ABC):
    """Numbers that stand in the place of a picture."""

    __slots__ = ()

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers."""

    @property
    @abstractmethod
    def key(self) -> int:
        """A 63-bit number, equal where the numbers are equal, wherever they are stored."""

    @abstractmethod
    def numbers(self) -> np.ndarray:
        """(width,) float32, as they are: there may be NaN among them."""

    def read(self) -> np.ndarray:
        """(width,) float32.

        Raises:
            DataError: the file cannot be read or has no such row, or numbers are NaN or infinite.
        """
        import numpy as np

        found = self.numbers()
        if not np.isfinite(found).all():
            raise DataError(f"{self} holds NaN or infinite numbers")
        return found


@dataclass(frozen=True, slots=True)
class StoredVector(Vector):
    """One row of a file with a (rows, width) array of floating-point numbers."""

    path: Path
    row: int
    """From 0; messages count from 1."""
    dataset: str = DATASET
    """Of an HDF5 file; a ``.npy`` file is one array."""

    def __str__(self) -> str:
        return f"{display(self.path)}, row {self.row + 1}"

    @property
    def width(self) -> int:
        """Of all rows of the file."""
        return feature_shape(self.path, self.dataset)[1]

    @property
    def key(self) -> int:
        """See `Vector.key`. Read again only when the file's size or time of change is another."""
        return _stored_key(*_identity(self.path), self.dataset, self.row)

    def numbers(self) -> np.ndarray:
        """The row, and no other row, is read."""
        return _row(_opened(*_identity(self.path), self.dataset, os.getpid()), self)


@dataclass(frozen=True, slots=True)
class RandomVector(Vector):
    """Normally distributed numbers: a picture that shows nothing."""

    length: int
    seed: int

    @property
    def width(self) -> int:
        """As it was asked for."""
        return self.length

    @property
    def key(self) -> int:
        """See `Vector.key`."""
        return _key(self.numbers())

    def numbers(self) -> np.ndarray:
        """The same for the same seed."""
        import numpy as np

        return np.random.default_rng(self.seed).standard_normal(self.length, dtype=np.float32)


def feature_shape(path: Path, dataset: str = DATASET) -> tuple[int, int]:
    """(rows, width) of a file of vectors; none of them is read.

    Raises:
        DataError: the file cannot be read, or holds no array of that kind.
        PolysenseError: it is HDF5 and h5py is not installed.
    """
    rows, width = _opened(*_identity(path), dataset, os.getpid()).shape
    return int(rows), int(width)


def _identity(path: Path) -> tuple[str, int, int]:
    """The file with what shows that it has changed: size and time."""
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None
    return os.fspath(path.absolute()), status.st_size, status.st_mtime_ns


@lru_cache(maxsize=1 << 18)
def _stored_key(path: str, size: int, mtime_ns: int, dataset: str, row: int) -> int:
    return _key(StoredVector(Path(path), row, dataset).numbers())


def _key(numbers: np.ndarray) -> int:
    return int.from_bytes(hashlib.sha256(b"vector" + numbers.astype("<f4").tobytes()).digest()[:8], "big") >> 1


@lru_cache(maxsize=8)
def _opened(path: str, size: int, mtime_ns: int, dataset: str, process: int) -> Any:
    """The array, memory-mapped, or the HDF5 data set. An open HDF5 file is not shared between processes."""
    file = Path(path)
    with unreadable(file):
        if file.suffix == ".npy":
            array = mapped_array(file)
        elif file.suffix in HDF5:
            array = _hdf5_dataset(file, dataset)
        else:
            raise DataError(f"{display(file)} is no file of vectors; they end in {', '.join(('.npy', *HDF5))}")
        shape = tuple(array.shape or ())  # HDF5 knows data sets without one
        if len(shape) != 2 or shape[1] == 0:
            raise DataError(f"{display(file)} has the shape {shape}; expected (rows, width)")
        if array.dtype.kind != "f":
            raise DataError(f"{display(file)} holds {array.dtype}; expected floating-point numbers")
    return array


def _hdf5_dataset(file: Path, name: str) -> Any:
    try:
        import h5py
    except ImportError:
        raise PolysenseError(f"{display(file)}: HDF5 is read with h5py: pip install 'polysense[features]'") from None
    opened = h5py.File(file, "r")
    found = opened.get(name)
    if not isinstance(found, h5py.Dataset):
        message = f"{display(file)} has no data set {name!r}; {choices(name, opened)}"
        arrays = [there for there, one in opened.items() if isinstance(one, h5py.Dataset)]
        raise ArgumentError(message, argument="dataset", instead=arrays[0]) if arrays else DataError(message)
    if Path(found.file.filename) != file or found.external or found.is_virtual:
        raise DataError(f"{display(file)}: the data set {name!r} keeps its numbers in another file")
    return found


def _row(array: Any, vector: StoredVector) -> np.ndarray:
    import numpy as np

    if not 0 <= vector.row < array.shape[0]:
        raise DataError(f"{display(vector.path)} has {array.shape[0]} rows, there is no row {vector.row + 1}")
    try:
        with np.errstate(over="ignore"):  # too large for float32 is infinite, which `read` refuses
            return np.asarray(array[vector.row]).astype(np.float32)
    except (OSError, RuntimeError) as error:
        raise DataError(f"{vector} cannot be read: {error}") from None
