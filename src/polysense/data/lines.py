"""The lines of a text file."""

from __future__ import annotations

from pathlib import Path

from polysense.errors import DataError, display


def read_lines(path: Path, *, encoding: str = "utf-8") -> list[str]:
    r"""The lines without their ends, blank ones kept: line k belongs to line k of another file.

    Lines end at ``\n`` alone, and a ``\r`` before it goes too. `str.splitlines` would also cut at characters that may stand
    inside a sentence, and shift all that follows. A byte order mark is no part of the first line.

    Raises:
        DataError: the file cannot be read, is empty, or is not in that encoding.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(
            f"{display(path)} is not {encoding.upper()}: line {line} holds the byte 0x{error.object[error.start]:02X}"
        ) from None
    if not text.strip():
        raise DataError(f"{display(path)} is empty")
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
