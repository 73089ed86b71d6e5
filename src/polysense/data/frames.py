"""Sound and film as sequences of frames that were computed before: one vector a moment, with the record of how they were made.

A file of sequences (``.safetensors``) holds those of many clips end to end, and is read clip by clip, as it is needed:
``frames`` (frames of all clips, width) floating-point, ``offsets`` (clips + 1) int64, where each clip begins and the last one
ends, and in its metadata ``provenance``, JSON. A table names a clip's sequence as ``audio.safetensors#12`` (from 0). A NumPy
file (``.npy``) with an array (time, width) is one sequence.
"""

from __future__ import annotations

import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polysense.data.unreadable import mapped_array, unreadable
from polysense.errors import DataError, display
from polysense.progress import Progress

if TYPE_CHECKING:
    import numpy as np

STORE = ".safetensors"
"""The ending of files of sequences."""

ARRAY = ".npy"
"""The ending of files of one sequence."""


@dataclass(frozen=True)
class Provenance:
    """What made the features: two sequences with another one are not the same thing, whatever their width."""

    name: str
    """Of the extractor, or of the published set that the features come from."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """All that decides the numbers: sampling rate, window, coefficients; JSON values."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the packages; told, not compared."""

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for features to be of one kind; plain data, as a recipe holds it."""
        found: dict[str, Any] = json.loads(json.dumps({"name": self.name, "parameters": self.parameters}, sort_keys=True))
        return found

    def to_json(self) -> str:
        """As a file of sequences holds it."""
        return json.dumps({**self.identity, "versions": dict(self.versions)}, sort_keys=True)

    @classmethod
    def of(cls, text: str) -> Provenance:
        """Read :meth:`to_json`.

        Raises:
            ValueError: it is something else.
        """
        found = json.loads(text)
        if not isinstance(found, dict) or not isinstance(found.get("name"), str):
            raise ValueError("the provenance is a JSON object with a name, parameters and versions")
        parameters, versions = (found.get(name) or {} for name in ("parameters", "versions"))
        if not isinstance(parameters, dict) or not isinstance(versions, dict):
            raise ValueError("the parameters and versions of a provenance are JSON objects")
        return cls(found["name"], parameters, versions)


class Frames(ABC):
    """A sequence of vectors, in the place of a recording or a film."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(time, width); nothing is read for it."""

    @property
    @abstractmethod
    def key(self) -> int:
        """A 63-bit number, equal where shape and numbers are equal, wherever they are stored."""

    @property
    def provenance(self) -> Provenance | None:
        """How they were made; None where nobody noted it."""
        return None

    @abstractmethod
    def numbers(self) -> np.ndarray:
        """(time, width) float32, as they are: there may be NaN among them."""

    def read(self) -> np.ndarray:
        """(time, width) float32.

        Raises:
            DataError: the file cannot be read or has no such clip, there is no frame, or numbers are NaN or infinite.
        """
        import numpy as np

        found = self.numbers()
        if not len(found):
            raise DataError(f"{self} has no frames")
        finite = np.isfinite(found).all(axis=1)
        if not finite.all():
            raise DataError(f"{self}: frame {int(finite.argmin()) + 1} holds NaN or infinite numbers")
        return found


@dataclass(frozen=True)
class StoredFrames(Frames):
    """One clip of a file of sequences, or the one sequence of a ``.npy`` file."""

    path: Path
    clip: int | None = None
    """Number within the file, from 0, as in the table; None of a file that is one sequence."""

    def __str__(self) -> str:
        return display(self.path) if self.clip is None else f"{display(self.path)}#{self.clip}"

    @property
    def shape(self) -> tuple[int, int]:
        """See `Frames.shape`."""
        return _opened(*_identity(self.path), os.getpid()).shape(self)

    @property
    def key(self) -> int:
        """See `Frames.key`. Read again only when the file's size or time of change is another."""
        return _stored_key(*_identity(self.path), self.clip)

    @property
    def provenance(self) -> Provenance | None:
        """Of the file."""
        return _opened(*_identity(self.path), os.getpid()).provenance

    def numbers(self) -> np.ndarray:
        """The clip, and no other clip, is read."""
        return _opened(*_identity(self.path), os.getpid()).read(self)


@dataclass(frozen=True, eq=False)
class HeldFrames(Frames):
    """A sequence in memory."""

    array: np.ndarray = field(repr=False)
    """(time, width), floating-point; not to be changed afterwards."""
    made_by: Provenance | None = None

    def __post_init__(self) -> None:
        if self.array.ndim != 2 or self.array.shape[1] == 0 or self.array.dtype.kind != "f":
            raise DataError(
                f"frames are floating-point numbers (time, width), this is {self.array.dtype} {tuple(self.array.shape)}"
            )

    def __str__(self) -> str:
        return "the sequence"

    @property
    def shape(self) -> tuple[int, int]:
        """See `Frames.shape`."""
        time, width = self.array.shape
        return time, width

    @cached_property
    def key(self) -> int:
        """See `Frames.key`."""
        return _key(self.numbers())

    @property
    def provenance(self) -> Provenance | None:
        """As it was handed over."""
        return self.made_by

    def numbers(self) -> np.ndarray:
        """The array."""
        return _single(self.array)


def write_frames(
    path: Path, sequences: Sequence[np.ndarray | Frames], provenance: Provenance, *, progress: Progress | None = None
) -> None:
    """Write a file of sequences: those of clip 0, 1, ...; each (time, width) with its own time, kept as float32.

    They are read and written one after the other: memory does not grow with their number. ``progress`` gets (written, all).

    Raises:
        DataError: there is none, one has no frames or cannot be read, or they differ in width.
    """
    import numpy as np

    shapes = [one.shape for one in sequences]
    widths = {shape[1] for shape in shapes}
    if len(widths) != 1:
        raise DataError(f"{display(path)}: expected sequences of one width, found {sorted(widths) or 'none'}")
    lengths = [shape[0] for shape in shapes]
    if 0 in lengths:
        raise DataError(f"{display(path)}#{lengths.index(0)} has no frames")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("<i8")
    whole = path.with_name(f".{path.name}.partial")
    with whole.open("wb") as file:
        file.write(_header(int(offsets[-1]), widths.pop(), len(offsets), provenance))
        file.write(offsets.data)
        for done, one in enumerate(sequences, start=1):
            file.write(np.ascontiguousarray(_single(one.numbers() if isinstance(one, Frames) else one), "<f4").data)
            if progress is not None:
                progress(done, len(sequences))
    whole.replace(path)


def _header(frames: int, width: int, offsets: int, provenance: Provenance) -> bytes:
    """What stands before the numbers in a safetensors file: the length of the JSON as 8 bytes, and the JSON up to a multiple of 8."""
    begin = 8 * offsets
    described = {
        "__metadata__": {"provenance": provenance.to_json()},
        "offsets": {"dtype": "I64", "shape": [offsets], "data_offsets": [0, begin]},
        "frames": {"dtype": "F32", "shape": [frames, width], "data_offsets": [begin, begin + 4 * frames * width]},
    }
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def clip_count(path: Path) -> int:
    """How many clips a file of sequences holds.

    Raises:
        DataError: it cannot be read.
    """
    return _opened(*_identity(path), os.getpid()).clips


class _Store(ABC):
    """An open file of sequences."""

    provenance: Provenance | None = None
    clips: int

    @abstractmethod
    def shape(self, of: StoredFrames) -> tuple[int, int]: ...

    @abstractmethod
    def read(self, of: StoredFrames) -> np.ndarray: ...


def _mapped(path: Path) -> Any:  # its methods have no types
    from safetensors import safe_open

    return safe_open(path, "numpy")


class _Safetensors(_Store):
    def __init__(self, path: Path) -> None:
        self._file = _mapped(path)
        names = set(self._file.keys())
        if names != {"frames", "offsets"}:
            raise DataError(f"{display(path)} is no file of sequences: it holds {', '.join(sorted(names)) or 'nothing'}")
        self._frames = self._file.get_slice("frames")
        offsets = self._file.get_slice("offsets")
        if offsets.get_dtype() != "I64" or len(offsets.get_shape()) != 1 or not offsets.get_shape()[0]:
            raise DataError(
                f"{display(path)}: expected offsets (clips + 1) of int64, found {offsets.get_shape()} of {offsets.get_dtype()}"
            )
        self._offsets = self._file.get_tensor("offsets").tolist()
        self._shape = self._frames.get_shape()
        self.clips = len(self._offsets) - 1
        if len(self._shape) != 2 or 0 in self._shape[1:] or self._frames.get_dtype() not in {"F16", "F32", "F64"}:
            raise DataError(f"{display(path)}: expected floating-point frames (frames, width), found {self._shape}")
        if self._offsets != sorted(self._offsets) or [self._offsets[0], self._offsets[-1]] != [0, self._shape[0]]:
            raise DataError(f"{display(path)}: its offsets do not fit its {self._shape[0]} frames")
        if text := (self._file.metadata() or {}).get("provenance"):
            self.provenance = Provenance.of(text)

    def shape(self, of: StoredFrames) -> tuple[int, int]:
        begin, end = self._place(of)
        return end - begin, int(self._shape[1])

    def read(self, of: StoredFrames) -> np.ndarray:
        begin, end = self._place(of)
        return _single(self._frames[begin:end])

    def _place(self, of: StoredFrames) -> tuple[int, int]:
        if of.clip is None:
            raise DataError(f"{display(of.path)} holds {self.clips} sequences; name one: {of.path.name}#0")
        if not 0 <= of.clip < self.clips:
            raise DataError(f"{display(of.path)} holds {self.clips} sequences, there is no {of.path.name}#{of.clip}")
        return self._offsets[of.clip], self._offsets[of.clip + 1]


class _Array(_Store):
    clips = 1

    def __init__(self, path: Path) -> None:
        try:
            self._array = mapped_array(path)
        except DataError:  # a pickle, or an array of Python's objects, as of sequences of different lengths
            raise DataError(
                f"{display(path)} holds no array of numbers; expected floating-point (time, width), one sequence"
            ) from None
        if self._array.ndim != 2 or self._array.shape[1] == 0 or self._array.dtype.kind != "f":
            raise DataError(
                f"{display(path)} holds {self._array.dtype} {tuple(self._array.shape)}; expected floating-point (time, width)"
            )

    def shape(self, of: StoredFrames) -> tuple[int, int]:
        self._refuse_numbers(of)
        time, width = self._array.shape
        return time, width

    def read(self, of: StoredFrames) -> np.ndarray:
        self._refuse_numbers(of)
        return _single(self._array)

    def _refuse_numbers(self, of: StoredFrames) -> None:
        if of.clip is not None:
            raise DataError(f"{display(of.path)} is one sequence, there is no {of.path.name}#{of.clip}")


def _identity(path: Path) -> tuple[str, int, int]:
    """The file with what shows that it has changed: size and time."""
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None
    return os.fspath(path.absolute()), status.st_size, status.st_mtime_ns


@lru_cache(maxsize=16)
def _opened(path: str, size: int, mtime_ns: int, process: int) -> _Store:
    """The file, mapped into memory; an open file is not shared between processes."""
    file = Path(path)
    with unreadable(file):
        if file.suffix == STORE:
            return _Safetensors(file)
        if file.suffix == ARRAY:
            return _Array(file)
    raise DataError(f"{display(file)} is no file of sequences; they end in {STORE}, {ARRAY}")


@lru_cache(maxsize=1 << 18)
def _stored_key(path: str, size: int, mtime_ns: int, clip: int | None) -> int:
    return _key(StoredFrames(Path(path), clip).numbers())


def _key(numbers: np.ndarray) -> int:
    digest = hashlib.sha256(f"frames {numbers.shape}".encode() + numbers.astype("<f4").tobytes())
    return int.from_bytes(digest.digest()[:8], "big") >> 1


def _single(array: np.ndarray) -> np.ndarray:
    """As float32; what is too large for it becomes infinite, which `read` refuses."""
    import numpy as np

    with np.errstate(over="ignore"):
        return np.asarray(array).astype(np.float32)
