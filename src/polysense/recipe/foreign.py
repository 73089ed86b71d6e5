"""Code outside this package that a recipe names: imported where that is allowed, and named where it fails."""

from __future__ import annotations

import importlib
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polysense.errors import PolysenseError, RecipeError, display

LIBRARIES = (Path(__file__).resolve().parents[1], Path(sysconfig.get_paths()["stdlib"]).resolve())
"""This package and Python's own; they and what is installed beside them are not the user's code."""


def import_class(entry: str, name: str, base: type, folder: Path) -> type:
    """The class ``name``, by its dotted path, from a module beside the recipe (in ``folder``) or in the current folder.

    Raises:
        RecipeError: names the entry, and the user's line that failed.
    """
    module, _, attribute = name.rpartition(".")
    for place in (str(folder.resolve()), str(Path.cwd())):
        if place not in sys.path:
            sys.path.append(place)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the user's own module may fail in any way
        raise RecipeError(f"{entry}: {name!r} cannot be imported: {described(error)}") from error
    if not (inspect.isclass(found) and issubclass(found, base)):
        raise RecipeError(f"{entry}: {name!r} is not a subclass of {base.__name__}")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        raise RecipeError(f"{entry}: {name!r} does not define {missing}")
    return found


@contextmanager
def blamed() -> Iterator[None]:
    """Turn an error that passed through a line of the user's own into a message that names the line; other errors pass.

    Raises:
        PolysenseError: such an error.
    """
    try:
        yield
    except (PolysenseError, OSError):
        raise
    except Exception as error:
        if own_line(error) is None:
            raise
        raise PolysenseError(f"code that the recipe names failed: {described(error)}") from error


def described(error: BaseException) -> str:
    """``ZeroDivisionError: division by zero (my_signals.py:12, in forward)``; the place only where it is the user's."""
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    place = own_line(error)
    return reason if place is None else f"{reason} ({place})"


def own_line(error: BaseException) -> str | None:
    """The innermost line of the traceback that is neither of this package nor of a library: ``file:line, in function``.

    The traceback begins where the error was caught, so the user's script that calls this package is not in it.
    """
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and _is_users(file.resolve()):
            return f"{display(file)}:{frame.lineno}, in {frame.name}"
    return None


def _is_users(file: Path) -> bool:
    installed = {"site-packages", "dist-packages"} & set(file.parts)
    return not installed and not any(file.is_relative_to(place) for place in LIBRARIES)
