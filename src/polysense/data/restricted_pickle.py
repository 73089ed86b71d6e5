"""Pickles of numbers and texts, read without running any code that they name.

A pickle is a program: it may call whatever it names. Here it may name what NumPy's arrays and scalars and Python's own containers
need and nothing else, and each of these is a stand-in that only takes notes. Arrays are made of the notes afterwards, so that
NumPy's own way of reading states, which trusts them, is never taken.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from polysense.errors import DataError, display

KINDS = frozenset("biufSUO")
"""Of NumPy's numbers: truth values, whole and floating-point numbers, bytes, texts, and objects, which must be texts or numbers."""


class _StandIn:
    """Something callable, in which nothing can be changed: a pickle may set the state of what it is given, and these stay for the
    next file.
    """

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, _: Any) -> None:
        raise ValueError("the state of what is no array")


class _Kind:
    """A NumPy dtype."""

    __slots__ = ("_code", "_order")

    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or code[:1] not in KINDS or not code[1:].isdecimal():
            raise ValueError(f"numbers of the kind {code!r}")
        self._code = code
        self._order = "="

    def __setstate__(self, state: Any) -> None:
        if state[1] not in {"<", ">", "|", "="}:
            raise ValueError(f"the byte order {state[1]!r}")
        self._order = state[1]

    @property
    def is_object(self) -> bool:
        """Whether the numbers are Python's own objects."""
        return self._code.startswith("O")

    def numpy(self) -> np.dtype[Any]:
        """The dtype itself."""
        return np.dtype(self._order + self._code)


class _Noted:
    """An array, or a scalar in one without dimensions."""

    __slots__ = ("_data", "_kind", "_order", "_shape")

    def __init__(self) -> None:
        self._note((), None, b"", "C")

    def _note(self, shape: Any, kind: Any, data: Any, order: Any) -> None:
        self._shape, self._kind, self._data, self._order = shape, kind, data, order

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        self._note(shape, kind, data, "F" if fortran else "C")

    def numpy(self) -> np.ndarray:
        """The array itself, or a ValueError."""
        shape = tuple(int(size) for size in self._shape)
        if not isinstance(self._kind, _Kind) or min(shape, default=0) < 0 or self._order not in {"C", "F"}:
            raise ValueError("an array that is none")
        if self._kind.is_object:
            if not isinstance(self._data, list):
                raise ValueError("an array of objects without any")
            array = np.empty(len(self._data), dtype=object)
            for place, value in enumerate(self._data):
                array[place] = value
        else:
            data = self._data.encode("latin-1") if isinstance(self._data, str) else self._data  # Python 2 wrote bytes as texts
            array = np.frombuffer(data, dtype=self._kind.numpy()) if math.prod(shape) else np.empty(0, self._kind.numpy())
        return array.reshape(shape, order=self._order)


def _no_call(*_: Any) -> None:
    raise ValueError("numpy.ndarray is called")


_NDARRAY = _StandIn(_no_call)


def _reconstruct(kind: Any, *_: Any) -> _Noted:
    """An array whose content follows."""
    if kind is not _NDARRAY:
        raise ValueError("an array of another class")
    return _Noted()


def _scalar(kind: Any, data: Any = b"") -> _Noted:
    return _array((), kind, data, "C")


def _frombuffer(buffer: Any, kind: Any, shape: Any, order: Any) -> _Noted:
    return _array(shape, kind, buffer, order)


def _array(shape: Any, kind: Any, data: Any, order: Any) -> _Noted:
    found = _Noted()
    found._note(shape, kind, data, order)
    return found


def _encode(text: Any, encoding: Any = "latin-1") -> bytes:
    if not isinstance(text, str) or encoding not in {"latin1", "latin-1"}:
        raise ValueError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin-1")


def _ordered() -> OrderedDict[Any, Any]:
    return OrderedDict()


_ALLOWED: dict[tuple[str, str], _StandIn] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _StandIn(_Kind),
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")  # before and since NumPy 2
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _StandIn(_reconstruct)),
            ("multiarray", "scalar", _StandIn(_scalar)),
            ("numeric", "_frombuffer", _StandIn(_frombuffer)),
        )
    },
    ("_codecs", "encode"): _StandIn(_encode),
    ("collections", "OrderedDict"): _StandIn(_ordered),
}


_MODULES = frozenset(module for module, _ in _ALLOWED)


class _RefusedError(Exception):
    pass


class _Unpickler(pickle._Unpickler):
    """The one written in Python: its memo is a dict. The other one makes an array as long as the largest number that a file
    names for its memo, so that six bytes could take all memory.
    """

    metastack: list[list[Any]]
    stack: list[Any]

    def find_class(self, module: str, name: str) -> Any:
        found = _ALLOWED.get((module, name))
        if found is None:
            raise _RefusedError(f"{module}.{name}")
        return found

    def persistent_load(self, _: Any) -> Any:
        raise _RefusedError("a persistent id")

    def reading(self) -> list[str]:
        """The keys under which it stands at the moment, of the outermost dict first, as far as they are texts.

        What is begun lies on stacks: a dict, and behind it its keys and values in turn. They are put into it many at once, from a
        stack of their own, or (protocol 0) one at a time.
        """
        keys: list[str] = []
        inside = False  # the next stack holds keys and values of a dict
        for stack in (*self.metastack, self.stack):
            items = list(stack)
            if inside:
                items = items[_last_key(items) :]
            elif items and isinstance(items[0], dict):
                del items[0]
            else:
                break
            inside = not items
            while items and isinstance(items[0], str):
                keys.append(items[0])
                dict_begun = len(items) > 1 and isinstance(items[1], dict)
                inside = dict_begun and len(items) == 2
                items = items[2:] if dict_begun else []
        return keys


def _last_key(items: Sequence[Any]) -> int:
    """Where the last key stands among keys and values in turn; behind it may lie parts of a value that is being made."""
    at = 0
    while at + 2 < len(items) and isinstance(items[at + 2], str) and not any(map(_is_part, items[at + 1 : at + 3])):
        at += 2
    return at


def _is_part(value: Any) -> bool:
    """Whether it is neither key nor value: something to call, or the module of its name."""
    return isinstance(value, _StandIn) or (isinstance(value, str) and value in _MODULES)


class _Counted:
    """A file of which nobody gets more than there is, and which remembers that somebody asked for more.

    Args:
        file: at its beginning.
        size: its bytes.
        framed: what is asked for may be a frame, the beginning of which is of use; texts that end early would be taken for keys.
    """

    def __init__(self, file: BinaryIO, size: int, *, framed: bool) -> None:
        self._file = file
        self._framed = framed
        self.size = size
        self.needed = 0
        """The bytes that it had to have for all that was asked of it."""

    @property
    def is_short(self) -> bool:
        """Whether more was asked for than there is."""
        return self.needed > self.size

    def read(self, count: int) -> bytes:
        """So many bytes, or of frames those that are left."""
        at = self._file.tell()
        self.needed = max(self.needed, at + count)
        found = self._file.read(min(count, self.size - at))
        if self.is_short and not (found and self._framed):
            raise EOFError
        return found

    def readline(self) -> bytes:
        """All up to the end of a line."""
        line = self._file.readline()
        if not line.endswith(b"\n"):
            self.needed = self.size + 1
            raise EOFError
        return line


def read_pickle(path: Path, *, python2: bool = False) -> Any:
    """What a pickle of numbers and texts holds, in any protocol.

    Args:
        path: the file.
        python2: it was written by Python 2, whose texts are bytes: they are read as Latin-1, and as UTF-8 where that is what they are.

    Raises:
        DataError: it names anything but arrays, numbers, texts and containers, is truncated (which says at which byte, under which
            keys) or damaged, or cannot be read.
    """
    unpickler, counted = None, None
    try:
        with path.open("rb") as file:
            start = file.peek(4)
            if start.startswith(b"PK\x03\x04"):
                raise ValueError("it is a ZIP archive, as torch.save writes")
            counted = _Counted(file, path.stat().st_size, framed=start[:2] in {b"\x80\x04", b"\x80\x05"})
            unpickler = _Unpickler(counted, encoding="latin-1" if python2 else "ASCII")
            found = unpickler.load()
        return _Plain(python2=python2).of(found)
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a damaged pickle raises nearly anything
        if counted is not None and counted.size == 0:
            raise DataError(f"{display(path)} is empty") from None
        if counted is not None and unpickler is not None and counted.is_short and start.startswith(BEGINNINGS):
            raise DataError(f"{display(path)} {_cut(counted, unpickler)}") from None
        raise DataError(f"{display(path)} {_wrong(error)}") from None


BEGINNINGS = (b"\x80", b"(", b"}", b"]")
"""Of pickles of containers; since protocol 2 the first byte is always the same."""


def _cut(file: _Counted, unpickler: _Unpickler) -> str:
    """How much of a truncated file is there, and what was read where it ends."""
    keys = unpickler.reading()
    where = f", while {', '.join(keys)} was read" if keys else ""
    return (
        f"ends early, at byte {file.size:,} of at least {file.needed:,}{where}: it is truncated, as by a copy or a download that "
        "broke off; get it again"
    )


def _wrong(error: Exception) -> str:
    """Why a file that is whole is not read."""
    if isinstance(error, _RefusedError):
        return (
            f"names {error}, which is refused: a pickle runs what it names, and only arrays, numbers, texts and their containers "
            "are read"
        )
    if isinstance(error, UnicodeDecodeError):
        return "was written by Python 2: say so with --python2"
    return f"is no pickle of arrays and texts, or damaged ({str(error) or type(error).__name__})"


class _Plain:
    """Makes arrays of what was noted, and plain containers; whatever stands in two places is made once.

    Args:
        python2: texts are read as UTF-8 where they are.
    """

    def __init__(self, *, python2: bool) -> None:
        self._python2 = python2
        self._made: dict[int, Any] = {}
        self._begun: set[int] = set()

    def of(self, value: Any) -> Any:
        """The value as plain data; a ValueError where it holds itself or is nothing that we read."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str | bytes | bytearray):
            return self._text(value)
        place = id(value)
        if place not in self._made:
            if place in self._begun:
                raise ValueError("a container that holds itself")
            self._begun.add(place)
            self._made[place] = self._container(value)
        return self._made[place]

    def _container(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self.of(key): self.of(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.of(one) for one in value]
        if not isinstance(value, _Noted):
            raise ValueError(f"{type(value).__name__.strip('_')} in the place of data")
        array = value.numpy()
        if array.dtype.kind in "OS":
            found = np.empty(array.shape, dtype=object)
            for place, one in enumerate(array.flat):
                found.flat[place] = self.of(one)
            array = found
        return array[()] if array.shape == () else array

    def _text(self, value: str | bytes | bytearray) -> str | bytes:
        if not self._python2:
            return value if isinstance(value, str) else bytes(value)
        try:
            data = value.encode("latin-1") if isinstance(value, str) else bytes(value)
        except UnicodeError:  # a text already
            return str(value)
        try:
            return data.decode("utf-8")
        except UnicodeError:
            return data.decode("latin-1")
