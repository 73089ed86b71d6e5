"""The lines of a text file."""

from __future__ import annotations

from pathlib import Path

from polysense.data.decoding import decoded
from polysense.errors import DataError, display


def read_lines(path: Path, *, encoding: str = "utf-8") -> list[str]:
    r"""The lines without their ends, blank ones kept: line k belongs to line k of another file.

    Lines end at ``\n`` alone, and a ``\r`` before it goes too. `str.splitlines` would also cut at characters that may stand
    inside a sentence, and shift all that follows. A byte order mark is no part of the first line.

    Raises:
        DataError: the file cannot be read, is empty, holds null bytes, or is not in that encoding.
    """
    try:
        text = decoded(path, path.read_bytes(), encoding)
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None
    if not text.strip():
        raise DataError(f"{display(path)} is empty")
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
