"""What a long job tells its user on stderr: a bar while it counts, or a line a minute in a log, and lines that do not break a bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


FIRST = 30.0
"""Seconds after which a log gets its first line on a job."""

EVERY = 60.0
"""Seconds between two lines on a job in a log."""

_SAID: ContextVar[set[str] | None] = ContextVar("said", default=None)


def say(message: str) -> None:
    """A line."""
    tqdm.write(message, file=sys.stderr)


@contextmanager
def once() -> Iterator[None]:
    """Many jobs on the same data: inside, :func:`say_of_data` says no line that it has said, inside of another one neither."""
    said = _SAID.get()
    token = _SAID.set(set() if said is None else said)
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
    """A bar for a job that reports (done, total), gone when the job is; see :func:`open_bar`."""
    with open_bar(what, unit, quiet=quiet, leave=False) as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield progress


@contextmanager
def short_bar(what: str, unit: str) -> Iterator[Progress]:
    """A bar for a job that is a part of what follows within: it comes with the first report, and goes when all is done."""
    shown: tqdm[Any] | None = None

    def progress(done: int, total: int) -> None:
        nonlocal shown
        if shown is None:
            shown = open_bar(what, unit, total=total, leave=False)
        shown.total = total
        shown.update(done - shown.n)
        if done >= total:
            shown.close()
            shown = None

    try:
        yield progress
    finally:
        if shown is not None:
            shown.close()


def open_bar(
    what: str, unit: str, *, total: int | None = None, begun: int = 0, quiet: bool = False, leave: bool = True
) -> tqdm[Any]:
    """A bar with rate and time left, from ``begun`` on; ``leave`` keeps it on the screen when it is closed.

    Where stderr is no terminal it is a line after half a minute and then one a minute, so that short jobs are silent. ``quiet`` ones
    always are.
    """
    kind = _Bar if sys.stderr.isatty() else _Lines
    return kind(
        desc=what,
        total=total,
        initial=begun,
        unit=f" {unit}",
        file=sys.stderr,
        disable=quiet,
        dynamic_ncols=kind is _Bar,
        leave=leave,
    )


class _Bar(tqdm):  # type: ignore[misc]  # it has no types
    """A bar that says ``3.20 steps/s``, or ``1.25 s/step`` where one takes longer than a second."""

    line = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {speed}{postfix}]"

    def __init__(self, **choices: Any) -> None:
        super().__init__(bar_format=self.line, **choices)

    @property
    def format_dict(self) -> dict[str, Any]:
        """What the line may say."""
        found = super().format_dict
        return {**found, "speed": _speed(found["rate"], found["n"] - found["initial"], found["elapsed"], found["unit"].strip())}


def _speed(rate: float | None, done: int, seconds: float, unit: str) -> str:
    """``rate`` is what the bar measured of late, in units a second; until then it is the mean from the beginning."""
    rate = rate or (done / seconds if seconds > 0 else 0.0)
    if not rate:
        return f"? {unit}/s"
    return f"{rate:.2f} {unit}/s" if rate >= 1 else f"{1 / rate:.2f} s/{unit.removesuffix('s')}"


class _Lines(_Bar):
    """A bar for a log: a line of its own every now and then, and nothing to wipe off."""

    line = "{desc}: {done}{unit} ({percentage:.0f} %), {speed}, {remaining} left{postfix}"

    def __init__(self, **choices: Any) -> None:
        self._next = time.monotonic() + FIRST
        super().__init__(**choices)

    @property
    def format_dict(self) -> dict[str, Any]:
        """What the line may say; a total that is not known yet is a question mark."""
        total = "?" if self.total is None else f"{self.total:,}"
        return {**super().format_dict, "done": f"{self.n:,} of {total}"}

    def refresh(self, *_: Any, **__: Any) -> bool:
        """Called when the bar would be drawn again: often, and after each line that is said."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            unknown = self.total is None and not self.n  # a job that counts nothing yet, and may have nothing to count
            self.fp.write(f"{self.desc.rstrip(': ')}: {self.format_dict['elapsed']:.0f} s so far\n" if unknown else f"{self}\n")
            self.fp.flush()
        return True

    def display(self, *_: Any, **__: Any) -> bool:
        """Nothing is drawn or wiped off."""
        return True

    def close(self) -> None:
        """End without a word."""
        self.sp = None  # what writes a bar's end
        super().close()

    def clear(self, *_: Any, **__: Any) -> None:
        """Nothing is there to be cleared."""
