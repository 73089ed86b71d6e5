"""JSON files: one object, or one a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polysense.errors import DataError, display


def read_object(file: Path) -> dict[str, Any]:
    """The object in a file; empty where there is no such file.

    Raises:
        DataError: the file cannot be read, is not JSON, or holds something else.
    """
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{display(file)} is damaged: {_reason(error)}") from error
    if not isinstance(found, dict):
        raise DataError(f"{display(file)} is damaged: it holds no object")
    return found


def entries(found: Mapping[str, Any], name: str, keys: Sequence[str], file: str) -> list[dict[str, Any]]:
    """The list of objects that stands under ``name`` in what :func:`read_object` gave, each of which has all ``keys``.

    Raises:
        DataError: there is no such list; ``file`` is the file's name in the message.
    """
    listed = found.get(name)
    if not isinstance(listed, list) or not all(isinstance(one, dict) and set(keys) <= set(one) for one in listed):
        raise DataError(f"{file} has no list {name!r} of objects with {', '.join(keys)}")
    return listed


def read_lines(file: Path, *, may_be_cut_off: bool = False) -> list[dict[str, Any]]:
    """The objects of a file that has one a line; none where there is no such file.

    Args:
        file: UTF-8; lines end with a line feed alone.
        may_be_cut_off: leave out a last line that is not whole, as a kill leaves it.

    Raises:
        DataError: names a row (from 1) that is not JSON or no object, or says why the file cannot be read.
    """
    if not file.is_file():
        return []
    try:
        lines = file.read_bytes().removesuffix(b"\n").split(b"\n")
    except OSError as error:
        raise DataError(f"{display(file)} is damaged: {_reason(error)}") from error
    found = []
    for row, line in enumerate(lines if lines != [b""] else [], start=1):
        try:
            entry = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            if may_be_cut_off and row == len(lines):
                break
            raise DataError(f"{display(file)}, row {row}: {_reason(error)}") from error
        if not isinstance(entry, dict):
            raise DataError(f"{display(file)}, row {row}: expected an object")
        found.append(entry)
    return found


def _reason(error: OSError | ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg})"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 text ({error.reason} at byte {error.start})"
    return str(getattr(error, "strerror", None) or error)
