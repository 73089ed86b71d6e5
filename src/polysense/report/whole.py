"""A page as a file: whole, or not there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from polysense.errors import DataError, display


def write_page(path: Path, page: str) -> Path:
    """Write the page and return its path; what cannot be said in UTF-8 becomes a question mark.

    Raises:
        DataError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(page.encode("utf-8", "replace"))
        os.replace(part, path)  # noqa: PTH105 (one step)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise DataError(f"{display(path)}: the report cannot be written ({error.strerror or error})") from error
    return path
