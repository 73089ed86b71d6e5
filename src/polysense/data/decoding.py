"""The bytes of a text file as its text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from polysense.errors import DataError, RecipeError, display

_TELL = (
    "Save the file as UTF-8, or name its encoding ({}): with --encoding in the commands that read a table or a text file, "
    "with the corpus's argument encoding in a recipe, of read_table in Python"
)


def decoded(path: Path, data: bytes, encoding: str, *, row_of: Callable[[str], int] | None = None) -> str:
    """The text, without a byte order mark.

    Args:
        path: the file, for messages.
        data: what it holds.
        encoding: its name.
        row_of: the number of the table's row that stands behind a text; 0 is a header. Without it messages name the line alone.

    Raises:
        DataError: a byte does not fit, or there are null bytes; the message names the line and the way out.
        RecipeError: there is no such encoding.
    """
    name = display(path)
    try:
        text = data.decode("utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding)
    except LookupError:
        raise RecipeError(f"encoding: {encoding!r} is not known; usual ones: 'utf-8', 'latin-1', 'cp1252', 'gb18030'") from None
    except UnicodeDecodeError as error:
        if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(f"{name} is not a text file: it holds null bytes") from None
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(f"{name} is UTF-16. {_TELL.format('utf-16')}") from None
        before = data[: error.start]
        line, row = before.count(b"\n") + 1, row_of(before.decode(encoding, errors="replace")) if row_of else 0
        place = f"line {line} (row {row})" if row else f"line {line}"
        raise DataError(
            f"{name} is not {encoding.upper()}: {place} holds the byte 0x{data[error.start]:02X}. "
            + _TELL.format("latin-1 or cp1252")
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name} is not a text file: line {line} holds null bytes")
    return text
