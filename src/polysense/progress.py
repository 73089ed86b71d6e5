"""What a long job tells its user on stderr: a bar while it counts, and lines that do not break a bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


_SAID: ContextVar[set[str] | None] = ContextVar("said", default=None)


def say(message: str) -> None:
    """A line."""
    tqdm.write(message, file=sys.stderr)


@contextmanager
def once() -> Iterator[None]:
    """Many jobs on the same data: inside, :func:`say_of_data` says no line that it has said."""
    token = _SAID.set(set())
    try:
        yield
    finally:
        _SAID.reset(token)


def say_of_data(message: str) -> None:
    """A line on the data of a job, which is not repeated with the next job within :func:`once`."""
    said = _SAID.get()
    if said is None or message not in said:
        say(message)
    if said is not None:
        said.add(message)


@contextmanager
def bar(what: str, unit: str, *, quiet: bool = False) -> Iterator[Progress]:
    """A bar for a job that reports (done, total), gone when the job is; silent where stderr is no terminal, or ``quiet``."""
    with open_bar(what, unit, quiet=quiet, leave=False) as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield progress


def open_bar(
    what: str, unit: str, *, total: int | None = None, begun: int = 0, quiet: bool = False, leave: bool = True
) -> tqdm[Any]:
    """A bar with rate and time left, from ``begun`` on; ``leave`` keeps it on the screen when it is closed."""
    off = True if quiet else None  # None: tqdm looks whether it writes to a terminal
    return tqdm(
        desc=what,
        total=total,
        initial=begun,
        unit=f" {unit}",
        file=sys.stderr,
        disable=off,
        dynamic_ncols=True,
        leave=leave,
    )
