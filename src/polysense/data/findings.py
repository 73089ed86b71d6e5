"""What is found wrong with a row, or with a table as a whole."""

from __future__ import annotations

from polysense.data.rows import place
from polysense.data.table import Table
from polysense.errors import Problem
from polysense.types import Sample


def bad(sample: Sample, field: str, reason: str) -> Problem:
    """That a row cannot be used."""
    file, row = place(sample)
    return Problem(file=file, row=row, id=sample.id, field=field, reason=reason)


def warning(table: Table, field: str, reason: str) -> Problem:
    """What is to be looked at."""
    return Problem(file=table.name, row=None, id=None, field=field, reason=reason, severity="warning")
