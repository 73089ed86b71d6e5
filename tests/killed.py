"""Trains in a process of its own and kills it, as by ``kill -9``, at a named moment."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from polysense.training import seed, trainer
from polysense.training.run import train


def train_until(moment: str, number: int, *arguments: Any, **settings: Any) -> None:
    """``train(...)``, killed before the ``number``-th time that ``moment`` comes.

    Moments: ``batch`` (a batch's loss is wanted), ``step`` (an optimizer step is about to be written down), ``evaluation``
    (metrics were written down, the checkpoint was not), ``file`` (the weights of a checkpoint are there, the rest is not),
    ``test`` (the best weights are about to be scored on test).
    """
    homes: dict[str, tuple[Any, str]] = {
        "batch": (trainer.LearnerTrainer, "compute_loss"),
        "step": (trainer.LearnerTrainer, "record_step"),
        "evaluation": (trainer.LearnerTrainer, "_save_checkpoint"),
        "file": (trainer.LearnerTrainer, "_save_optimizer_and_scheduler"),
        "test": (seed, "write_predictions"),
    }
    home, name = homes[moment]
    setattr(home, name, deadly(getattr(home, name), number))
    train(*arguments, **settings)


def deadly(function: Callable[..., Any], number: int) -> Callable[..., Any]:
    """The function, whose ``number``-th call is the last thing that the process does."""
    calls = 0

    def wrapped(*arguments: Any, **settings: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **settings)

    return wrapped
