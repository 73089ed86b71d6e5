"""The journal of a run: one line an optimizer step, one line an evaluation; cut back when a run resumes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Journal:
    """Appends to ``journal.jsonl`` and ``evaluations.jsonl`` of a run.

    Args:
        folder: of the run.
        resumed: the step after which training goes on; lines beyond it are dropped (0 starts anew).
    """

    def __init__(self, folder: Path, *, resumed: int = 0) -> None:
        self._steps = folder / "journal.jsonl"
        self._evaluations = folder / "evaluations.jsonl"
        for file in (self._steps, self._evaluations):
            kept = [line for line in read_lines(file) if line["step"] <= resumed] if resumed else []
            file.write_text("".join(f"{json.dumps(line)}\n" for line in kept), encoding="utf-8")
        self.last_terms: Mapping[str, float] = {}
        """Each objective's term at the newest step."""

    def step(self, line: Mapping[str, Any]) -> None:
        """An optimizer step: step, epoch, loss, learning_rate, grad_norm, terms."""
        self.last_terms = line["terms"]
        _append(self._steps, line)

    def evaluation(self, line: Mapping[str, Any]) -> None:
        """An evaluation: step, epoch, metrics."""
        _append(self._evaluations, line)


def _append(file: Path, line: Mapping[str, Any]) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write(f"{json.dumps(line)}\n")


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The lines of a journal; a last line that was cut off by a kill is left out."""
    if not file.is_file():
        return []
    lines = []
    for text in file.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break
    return lines
