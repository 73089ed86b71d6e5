"""What goes wrong while a file is read, told with the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from polysense.errors import DataError, PolysenseError, display

if TYPE_CHECKING:
    import numpy as np


@contextmanager
def unreadable(file: Path) -> Iterator[None]:
    """Turn whatever is raised inside into a DataError that names ``file``; errors of ours pass."""
    try:
        yield
    except PolysenseError:
        raise
    except OSError as error:
        raise DataError(f"{display(file)} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # on damaged files the readers of NumPy, zip and HDF5 raise nearly anything
        raise DataError(f"{display(file)} cannot be read: {error or type(error).__name__}") from None


def mapped_array(file: Path) -> np.ndarray:
    """The array of a ``.npy`` file, mapped into memory.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    import numpy as np

    with unreadable(file):  # no np.load: of a damaged archive it leaves the file open
        return np.lib.format.open_memmap(file, mode="r")
