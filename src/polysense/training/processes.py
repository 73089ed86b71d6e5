"""Several processes of one run: how they find each other, who writes and speaks, and how an error in one ends all.

A launcher such as ``torchrun`` starts one program several times, and each process runs the same lines. Only process 0 reads and writes
the run's folder and is heard; the others are told what it found.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from polysense.errors import PolysenseError, RecipeError

Found = TypeVar("Found")

TIMEOUT = timedelta(minutes=30)
"""How long a process waits for the others within a step of training. For what process 0 does by itself it waits without limit."""
GRACE = 3.0
"""Seconds in which the process that failed first says why, before the others end."""
GLANCE = 0.05
"""Seconds between two looks for what process 0 has to tell."""
FAILED = "failed"
BROKEN = ("connection", "timed out", "socket", "peer")
"""One of these is in what the backends say when another process is gone or silent."""


@dataclass
class _Company:
    store: Any = None
    """Where processes leave notes for each other: the launcher's, for as long as this process lives."""
    notes: Any = None
    """The part of it for the work under way; None while there is none."""
    works: int = 0
    """Works begun so far."""
    asked: int = 0
    """Notes of process 0 in the work under way."""


_company = _Company()


class _OtherFailedError(Exception):
    """Another process has left a note that it failed."""


def launched() -> int:
    """How many processes the launcher started, as it says in the environment.

    Raises:
        RecipeError: what it says makes no sense, or is not all that is needed.
    """
    said = os.environ.get("WORLD_SIZE", "1")
    if not said.isdecimal() or int(said) == 0:
        raise RecipeError(
            f"the environment variable WORLD_SIZE is {said!r}: it is the number of processes, as torchrun sets it"
        )
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if int(said) > 1 and missing:
        raise RecipeError(
            f"WORLD_SIZE is {said}, so this is one of several processes, but the environment has no {' and no '.join(missing)}: "
            "start them with torchrun, or unset WORLD_SIZE to train in one"
        )
    return int(said)


@contextlib.contextmanager
def together() -> Iterator[None]:
    """What is done within is done by all processes of the launcher together; with one process, or inside another such, as without it.

    What goes wrong is told once, by the process in which it went wrong first; the others end without a word and with its exit code.

    Raises:
        RecipeError: there are more processes than devices.
        PolysenseError: another process was killed, or did not answer in time.
        SystemExit: another process failed, and has said why.
    """
    if _company.notes is not None or launched() == 1:
        yield
        return
    with _heard_if_first(), _last_word(), _work():
        yield


@contextlib.contextmanager
def _work() -> Iterator[None]:
    """A group of processes, from which all part together."""
    import torch
    import torch.distributed as processes
    from torch.distributed import PrefixStore  # type: ignore[attr-defined]
    from torch.distributed.rendezvous import rendezvous

    from polysense.distributed import meet, own_group

    rank, world = int(os.environ["RANK"]), launched()
    if _company.store is None:
        _company.store, *_ = next(rendezvous("env://", rank, world, timeout=TIMEOUT))
    notes = PrefixStore(f"polysense-{_company.works}", _company.store)
    _company.notes, _company.works, _company.asked = notes, _company.works + 1, 0
    backend = _backend(torch.cuda.device_count())
    processes.init_process_group(backend, store=PrefixStore("group", notes), rank=rank, world_size=world, timeout=TIMEOUT)
    with own_group(TIMEOUT):
        yield
        from_first(lambda: None)
        meet()
    processes.destroy_process_group()
    _company.notes = None


def _backend(gpus: int) -> str:
    """What carries the numbers; those of the processor go through gloo on any machine."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if 0 < gpus < here:
        raise RecipeError(
            f"{here} processes on a machine with {gpus} GPUs: start at most {gpus} (torchrun --nproc-per-node {gpus})"
        )
    return "cpu:gloo,cuda:nccl" if gpus else "gloo"


@contextlib.contextmanager
def _heard_if_first() -> Iterator[None]:
    """Silence on stderr in all processes but one: bars, lines and warnings are those of process 0."""
    if os.environ["RANK"] == "0":
        yield
        return
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stderr(nowhere):
        yield


@contextlib.contextmanager
def _last_word() -> Iterator[None]:
    """Leave it to the process that failed first to say why."""
    try:
        yield
    except BaseException as error:
        told = _explained(error)
        code = _code_of_first(getattr(told, "exit_code", 130 if isinstance(told, KeyboardInterrupt) else 1))
        if code is None and told is error:
            raise
        if code is None:
            raise told from error
        time.sleep(GRACE)
        raise SystemExit(code) from None


def _explained(error: BaseException) -> BaseException:
    text = " ".join(str(error).split())
    if (
        isinstance(error, RuntimeError)
        and not isinstance(error, PolysenseError)
        and any(word in text.lower() for word in BROKEN)
    ):
        return PolysenseError(
            f"another process was killed, or did not answer for {TIMEOUT.total_seconds():g} seconds; "
            f"go on with the same command and --resume ({text[:200]})"
        )
    return error


def _code_of_first(own: int) -> int | None:
    """None in the process that failed first; in the others its exit code."""
    if _company.notes is None:  # the processes have not found each other
        return None
    rank = os.environ["RANK"]
    try:
        first, code = _company.notes.compare_set(FAILED, "", f"{rank} {own}").decode().split()
    except (RuntimeError, OSError):  # the process that kept the notes is gone
        return None
    return None if first == rank else int(code)


def first() -> bool:
    """Whether this is the process that writes and speaks."""
    return _company.notes is None or os.environ["RANK"] == "0"


def from_first(make: Callable[[], Found]) -> Found:
    """What ``make`` gives in process 0, the only one that runs it, alone; all others wait for it, however long it takes.

    With several processes it is something that JSON can hold.
    """
    from polysense.distributed import alone, rank, world

    if world() == 1:
        return make()
    key = _next_note()
    if rank() > 0:
        found: Found = json.loads(_awaited(key))
        return found
    with alone():
        made = make()
    _company.notes.set(key, json.dumps(made))
    return made


@contextlib.contextmanager
def in_turn() -> Iterator[None]:
    """Process 0 goes first, the others after it: what it leaves on the disk is there for them."""
    from polysense.distributed import rank, world

    if world() == 1:
        yield
        return
    key = _next_note()
    if rank() > 0:
        _awaited(key)
        yield
    else:
        yield
        _company.notes.set(key, "done")


def _next_note() -> str:
    _company.asked += 1
    return f"note-{_company.asked}"


def _awaited(key: str) -> str:
    while not _company.notes.check([key]):
        if _company.notes.check([FAILED]):
            raise _OtherFailedError
        time.sleep(GLANCE)
    note: bytes = _company.notes.get(key)
    return note.decode()
