"""What a training run tells its user: a bar with rate, ETA and each objective's term, or plain lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


def say(message: str) -> None:
    """A line to stderr that does not break a bar."""
    tqdm.write(message, file=sys.stderr)


def bar(what: str, unit: str) -> Progress:
    """A bar on stderr for a job that reports (done, total); none where stderr is no terminal."""
    shown: list[tqdm[Any]] = []

    def progress(done: int, total: int) -> None:
        if not shown:
            shown.append(tqdm(desc=what, total=total, unit=f" {unit}", file=sys.stderr, disable=None, dynamic_ncols=True))
        shown[0].update(done - shown[0].n)
        if done >= total:
            shown[0].close()

    return progress


class TrainingBar(TrainerCallback):
    """One bar a seed: optimizer steps with rate and ETA, the running mean of each term; a line an evaluation.

    Args:
        title: before the bar.
        best: the metric that chooses the checkpoint.
        terms: gives the newest terms.
    """

    def __init__(self, title: str, best: str, terms: Callable[[], Mapping[str, float]]) -> None:
        self._title = title
        self._best = best
        self._terms = terms
        self._bar: tqdm[Any] | None = None
        self._smooth: dict[str, float] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar, at the step from which a resumed run goes on."""
        del args, control
        self._bar = tqdm(
            desc=self._title,
            total=state.max_steps,
            initial=state.global_step,
            unit=" steps",
            file=sys.stderr,
            disable=None,
            dynamic_ncols=True,
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move the bar; show the running mean of each term."""
        del args, control
        for name, value in self._terms().items():
            self._smooth[name] = 0.9 * self._smooth.get(name, value) + 0.1 * value
        if self._bar is not None:
            self._bar.set_postfix({name: f"{value:.3f}" for name, value in self._smooth.items()}, refresh=False)
            self._bar.update(state.global_step - self._bar.n)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float] | None = None, **_: Any) -> None:
        """A line an evaluation, terminal or not."""
        del args, control
        value = (metrics or {}).get(f"eval_{self._best}")
        terms = ", ".join(f"{name} {number:.3f}" for name, number in self._smooth.items())
        shown = "-" if value is None else f"{value:.4f}"
        say(f"{self._title}: epoch {state.epoch:.2f}, validation {self._best} {shown} ({terms})")

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
