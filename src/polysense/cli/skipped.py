"""Rows of texts that are left out: the first of them are told one by one, the others counted."""

from __future__ import annotations

from polysense.errors import Problem
from polysense.progress import say

SHOWN = 10


class Skipped:
    """What `polysense.knowledge.texts.read_texts` tells of the rows that it leaves out."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, problem: Problem) -> None:
        """Count a row."""
        self.rows += 1
        if self.rows <= SHOWN:
            say(f"skipped: {problem}")

    def tell_rest(self) -> None:
        """How many were not told one by one."""
        if self.rows > SHOWN:
            say(f"skipped: {self.rows - SHOWN:,} more rows")
