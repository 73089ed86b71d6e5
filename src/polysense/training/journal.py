"""The journal of a run: one line an optimizer step, one line an evaluation; cut back when a run resumes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from polysense.data.json_file import read_lines
from polysense.training.checkpoints import settle, write_whole


class Journal:
    """Appends to ``journal.jsonl`` and ``evaluations.jsonl`` of a run.

    Args:
        folder: of the run.
        resumed: the step after which training goes on; lines beyond it are dropped (0 starts anew).
        writes: False in a process that leaves the files to another one; it knows the same lines.
    """

    def __init__(self, folder: Path, *, resumed: int = 0, writes: bool = True) -> None:
        self._writes = writes
        self._steps = folder / "journal.jsonl"
        self._evaluations = folder / "evaluations.jsonl"
        steps, evaluations = (_until(file, resumed) for file in (self._steps, self._evaluations))
        self.earlier: Sequence[Mapping[str, Any]] = steps
        """The optimizer steps before training goes on."""
        self.last_step: Mapping[str, Any] = next(reversed(steps), {"epoch": 0.0, "terms": {}})
        """The newest optimizer step."""
        self.evaluations: list[Mapping[str, Any]] = evaluations
        """All evaluations."""
        if writes:
            _cut_back(self._steps, steps)
            _cut_back(self._evaluations, evaluations)

    def step(self, line: Mapping[str, Any]) -> None:
        """An optimizer step: step, epoch, loss, learning_rate, grad_norm, terms."""
        self.last_step = line
        self._append(self._steps, line)

    def evaluation(self, line: Mapping[str, Any]) -> None:
        """An evaluation: step, epoch, metrics; untaught, the modalities whose heads had learned nothing, where there are some."""
        self.evaluations.append(line)
        self._append(self._evaluations, line)

    def settle(self) -> None:
        """Force all lines to the disk: a checkpoint must not outlive the steps that it stands on."""
        if self._writes:
            settle(self._steps)
            settle(self._evaluations)

    def _append(self, file: Path, line: Mapping[str, Any]) -> None:
        if self._writes:
            with file.open("a", encoding="utf-8") as opened:
                opened.write(f"{json.dumps(line)}\n")


def _until(file: Path, resumed: int) -> list[Mapping[str, Any]]:
    """The lines up to step ``resumed``."""
    there = read_lines(file, may_be_cut_off=True) if resumed else []
    return [line for line in there if line["step"] <= resumed]


def _cut_back(file: Path, kept: Iterable[Mapping[str, Any]]) -> None:
    write_whole(file, "".join(f"{json.dumps(line)}\n" for line in kept))
