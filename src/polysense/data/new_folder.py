"""A folder that is written whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polysense.errors import DataError, RecipeError, display


def refuse_full(folder: Path) -> None:
    """Raise where something is there already.

    Raises:
        RecipeError: it holds something, or is a file.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RecipeError(f"{display(folder)} exists and is not an empty folder; nothing was written")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which takes the name ``folder`` when all is written and is gone where that fails.

    Raises:
        RecipeError: ``folder`` holds something.
        DataError: it cannot be written.
    """
    refuse_full(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            yield partial
            if folder.exists():
                folder.rmdir()
            partial.chmod(0o755)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise DataError(f"{display(folder)} cannot be written: {error.strerror or error}") from None
