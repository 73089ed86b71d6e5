"""One process at a time writes a folder of results."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from polysense.errors import DataError, RecipeError, display
from polysense.training.processes import from_first

LOCK = ".lock"
"""File in a folder that is written; the system frees it with its process, however that ends, so it may be left behind."""


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """The folder, made where there is none, is written by this process alone, or by those that a launcher started together.

    Raises:
        DataError: it is not a folder, or cannot be written.
        RecipeError: another process writes it.
    """
    with contextlib.ExitStack() as stack:
        from_first(lambda: stack.enter_context(_locked(folder)))
        yield


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{display(folder)} is not a folder")
    file = folder / LOCK
    lock = FileLock(file, timeout=0)
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        _acquire(lock, folder)
    except Timeout:
        raise RecipeError(
            f"another process{_signed(file)} is writing {display(folder)}: wait for it, stop it, or choose another --out"
        ) from None
    except OSError as error:
        raise DataError(f"the folder {display(folder)} cannot be written: {error.strerror or error}") from None
    try:
        with contextlib.suppress(OSError):  # where a file that is locked cannot be written, nobody is named
            file.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows does not remove an open file
            file.unlink()
        lock.release()
        with contextlib.suppress(OSError):
            for one in made:
                one.rmdir()  # of a run that was refused: nothing is in it


def _acquire(lock: FileLock, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire()
    except FileNotFoundError:  # another process took back the folder that it had made
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()


def _signed(file: Path) -> str:
    """`` (pid 123)`` of the process that has the lock, as far as it is known."""
    with contextlib.suppress(OSError, ValueError):
        return f" (pid {int(file.read_text(encoding='utf-8'))})"
    return ""
