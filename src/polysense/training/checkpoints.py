"""Checkpoints that are whole or not there: written under a temporary name, synced, listed, renamed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError

from polysense.data.json_file import read_object
from polysense.distributed import meet, rank
from polysense.errors import DataError, RecipeError, display

MARK = "complete.json"
PREFIX = "checkpoint-"

WRITING = ("inline_container", "unexpected pos", "file", "no space", "write", "disk")
"""One of these is in what libraries say when they could not write; other errors are not about the disk."""
SENDING = ("gloo", "nccl", "peer", "socket")
"""Nor are those with one of these: they are about another process."""


@contextlib.contextmanager
def whole(folder: Path, step: int) -> Iterator[Path]:
    """A temporary folder in which ``checkpoint-<step>`` is written; afterwards it becomes the only checkpoint of ``folder``."""
    partial = _partial(folder, step)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        written = partial / f"{PREFIX}{step}"
        sizes = {file.name: file.stat().st_size for file in written.iterdir()}
        for file in written.iterdir():
            settle(file)
        (written / MARK).write_text(json.dumps(sizes), encoding="utf-8")
        settle(written / MARK)
        target = folder / written.name
        shutil.rmtree(target, ignore_errors=True)
        written.rename(target)
        settle(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for older in folder.glob(f"{PREFIX}*"):
        if older != target:
            shutil.rmtree(older, ignore_errors=True)


@contextlib.contextmanager
def whole_together(folder: Path, step: int) -> Iterator[Path]:
    """The same, for several processes that each write a part of the checkpoint; the first one makes it whole."""
    with whole(folder, step) if rank() == 0 else contextlib.nullcontext(_partial(folder, step)) as partial:
        meet()
        yield partial
        meet()


def _partial(folder: Path, step: int) -> Path:
    return folder / f".partial-{step}"


def refuse_other_number(checkpoint: Path, processes: int) -> None:
    """Batches are made for all processes together: another number of them would go on with other batches.

    Raises:
        RecipeError: as many processes as now did not write the checkpoint.
    """
    before = len(list(checkpoint.glob("rng_state*.pth")))
    if before != processes:
        raise RecipeError(
            f"{display(checkpoint)} was written by {before} {'process' if before == 1 else 'processes'}, now there "
            f"{'is' if processes == 1 else 'are'} {processes}: start as many as before, or train anew with --overwrite"
        )


def is_last(checkpoint: Path) -> bool:
    """Whether training was over when it was written: the Trainer would take a step more before it looks."""
    state = read_object(checkpoint / "trainer_state.json")
    return int(state["global_step"]) >= int(state["max_steps"])


def write_whole(file: Path, text: str) -> None:
    """Write a text file that is whole or not there, whatever happens meanwhile."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        settle(partial)
        partial.replace(file)
        settle(file.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what goes wrong while weights and states are written into a message; the libraries' own do not say the cause.

    Raises:
        DataError: the disk is full, or the folder may not be written. Errors of another kind pass.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        if isinstance(error, RuntimeError) and not _about_writing(reason.lower()):
            raise
        free = shutil.disk_usage(folder).free / 1e6
        raise DataError(
            f"{display(folder)} cannot be written ({free:,.1f} MB free on the disk): {reason}; "
            "what was written before is whole: make room and go on with --resume"
        ) from error


def _about_writing(reason: str) -> bool:
    return any(word in reason for word in WRITING) and not any(word in reason for word in SENDING)


def settle(path: Path) -> None:
    """Force a file to the disk, or the names in a folder: a rename is lost with the power until its folder is settled."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def newest(folder: Path) -> Path | None:
    """The checkpoint of the highest step whose files are all there at their full size, or None."""
    found = sorted((path for path in folder.glob(f"{PREFIX}*") if is_whole(path)), key=step_of)
    return found[-1] if found else None


def is_whole(checkpoint: Path) -> bool:
    """Whether every file that was written is there at its full size."""
    try:
        sizes = json.loads((checkpoint / MARK).read_text(encoding="utf-8"))
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def step_of(checkpoint: Path) -> int:
    """The optimizer step at which a checkpoint was written."""
    return int(checkpoint.name.removeprefix(PREFIX))
