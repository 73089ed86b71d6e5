"""What a training that somebody ended with Ctrl-C leaves behind, and how to go on from it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

SEEDS = ("seed-*", "labels-*/*/seed-*", "trials/*/seed-*")
"""Folders of trainings in those of a run, an ablation and a search."""


@contextmanager
def telling_what_is_left(out: Path, *, overwrite: bool) -> Iterator[None]:
    """Say on stderr, where the work within is interrupted, whether ``--resume`` goes on or begins anew."""
    began = time.time() if overwrite else 0.0  # what was there before is not gone on with
    try:
        yield
    except KeyboardInterrupt:
        from polysense.training.processes import first

        if first():
            typer.echo(_in_words(kept=_is_kept(out, since=began), overwrite=overwrite), err=True)
        raise


def _in_words(*, kept: bool, overwrite: bool) -> str:
    if not kept:
        return f"no checkpoint was written yet: the same command{'' if overwrite else ' with --resume'} begins anew"
    return f"go on from the last checkpoint with the same command and --resume{' instead of --overwrite' if overwrite else ''}"


def _is_kept(out: Path, *, since: float) -> bool:
    """Whether there is a finished training or trial, or a whole checkpoint, that was written since then."""
    from polysense.training.checkpoints import newest
    from polysense.training.folder import STEP_STATE, SUMMARY

    folders = [folder for pattern in SEEDS for folder in out.glob(pattern)]
    found = [newest(folder / STEP_STATE) for folder in folders]
    files = [*(folder / SUMMARY for folder in folders), *out.glob("trials/*.json"), *(one for one in found if one is not None)]
    return any(file.exists() and file.stat().st_mtime >= since for file in files)
