"""What one seed's training tells its user: a bar with rate, ETA and each objective's term, and a line an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from polysense.interruption import heed
from polysense.progress import open_bar, say
from polysense.recipe.recipe import LAST

SHOWN = 3
"""Metrics in a line, where none of them chooses."""


class TrainingBar(TrainerCallback):
    """One bar a seed: optimizer steps with rate and ETA, the running mean of each term; a line an evaluation.

    Args:
        title: before the bar.
        best: the metric that chooses the checkpoint, or ``last``.
        terms: gives the newest terms.
        earlier: the terms of the steps before, where training goes on, so that its running means do too.
    """

    def __init__(
        self, title: str, best: str, terms: Callable[[], Mapping[str, float]], *, earlier: Iterable[Mapping[str, float]] = ()
    ) -> None:
        self._title = title
        self._best = best
        self._terms = terms
        self._bar: tqdm[Any] | None = None
        self._smooth: dict[str, float] = {}
        self._told: list[str] = []
        """What the evaluation came to, until its checkpoint is whole: who stops a run at a line that is read goes on from there."""
        for one in earlier:
            self._take_up(one)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar, at the step from which a resumed run goes on."""
        del args, control
        self._bar = open_bar(self._title, "steps", total=state.max_steps, begun=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move the bar; show the running mean of each term; end where somebody asked for it."""
        del args, control
        heed()
        self._take_up(self._terms())
        if self._bar is not None:
            self._bar.set_postfix({name: f"{value:.3f}" for name, value in self._smooth.items()}, refresh=False)
            self._bar.update(state.global_step - self._bar.n)

    def _take_up(self, terms: Mapping[str, float]) -> None:
        for name, value in terms.items():
            self._smooth[name] = 0.9 * self._smooth.get(name, value) + 0.1 * value

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float] | None = None, **_: Any) -> None:
        """A line an evaluation, terminal or not."""
        del args, control
        terms = ", ".join(f"{name} {number:.3f}" for name, number in self._smooth.items())
        self._told.append(f"{self._title}: epoch {state.epoch:.2f}, validation {self._judged(metrics or {})} ({terms})")

    def on_save(self, *_: Any, **__: Any) -> None:
        """Say what was found: it is kept."""
        while self._told:
            say(self._told.pop(0))

    def _judged(self, metrics: Mapping[str, float]) -> str:
        """The metric that chooses; where the last checkpoint is kept whatever it scores, the first ones that there are."""
        names = [name.removeprefix("eval_") for name in metrics if name.startswith("eval_") and "/" not in name]
        names = [name for name in names if name != LAST][:SHOWN] if self._best == LAST else [self._best]
        found = {name: metrics.get(f"eval_{name}") for name in names}
        return ", ".join(f"{name} {'-' if value is None else f'{value:.4f}'}" for name, value in found.items()) or "-"

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Close the bar."""
        self.on_save()
        if self._bar is not None:
            self._bar.close()
