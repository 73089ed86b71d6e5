"""A Ctrl-C that is never lost: Python drops the exception where it comes inside a destructor, as those of progress bars."""

from __future__ import annotations

import signal
from types import FrameType

_asked = False


def listen() -> None:
    """Keep in mind from now on that somebody asked to stop; only in the main thread of a program."""
    signal.signal(signal.SIGINT, _keep_in_mind)


def heed() -> None:
    """End what is under way, where somebody asked for it and it went on all the same; called now and then by long work.

    Raises:
        KeyboardInterrupt: somebody did.
    """
    global _asked  # noqa: PLW0603 - a signal is of the whole program
    if _asked:
        _asked = False
        raise KeyboardInterrupt


def _keep_in_mind(number: int, frame: FrameType | None) -> None:
    global _asked  # noqa: PLW0603
    _asked = True
    signal.default_int_handler(number, frame)
