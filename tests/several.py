"""Work in several processes, as a launcher starts them; in one of them something may go wrong."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from polysense.errors import DataError
from polysense.training import processes, trainer


def start(context: Any, world: int, folder: Path, work: str, calls: Sequence[Any], *, moment: str = "") -> list[Any]:
    """``world`` processes that run :func:`member`; what process k says on stderr goes to ``<folder>/said-k``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    members = [context.Process(target=member, args=(rank, world, port, folder, work, calls, moment)) for rank in range(world)]
    for one in members:
        one.start()
    return members


def ended(members: Sequence[Any]) -> list[int]:
    """Their exit codes, once all have ended; none may hang."""
    for one in members:
        one.join(120)
    hanging = [one.kill() for one in members if one.is_alive()]
    assert not hanging
    return [one.exitcode for one in members]


def member(rank: int, world: int, port: int, folder: Path, work: str, calls: Sequence[Any], moment: str) -> None:
    """One of the processes: every call of ``train`` (settings) or ``execute`` (arguments); a ``moment`` is for the last one."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.dup2(os.open(folder / f"said-{rank}", os.O_WRONLY | os.O_CREAT, 0o644), 2)
    os.dup2(os.open(folder / f"answered-{rank}", os.O_WRONLY | os.O_CREAT, 0o644), 1)
    processes.GRACE = 0.5
    if moment == "silent":
        processes.TIMEOUT = timedelta(seconds=6)
    if moment and rank == world - 1:
        trainer.LearnerTrainer.record_step = fatal(trainer.LearnerTrainer.record_step, moment)  # type: ignore[method-assign]
    if work == "execute":
        from polysense.cli.main import execute

        sys.exit(execute(calls))
    from polysense.training.run import train

    for settings in calls:
        train(**settings)


def fatal(function: Any, moment: str) -> Any:
    """The function, whose fifth call ends in ``error``, with the process ``killed``, or not at all (``silent``)."""
    calls = 0

    def wrapped(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5 and moment == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if calls == 5 and moment == "silent":
            time.sleep(600)
        if calls == 5:
            raise DataError("row 17 is gone")
        return function(*arguments)

    return wrapped
