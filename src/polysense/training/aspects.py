"""Whether a table and a recipe agree on aspects: what is asked about is read, and what is read is there."""

from __future__ import annotations

from polysense.data.counts import plural
from polysense.data.rows import place
from polysense.data.table import Table
from polysense.encoders.aspects import MISSING
from polysense.errors import Problem
from polysense.recipe import Recipe


def reads_aspects(recipe: Recipe) -> bool:
    """Whether an encoder of the recipe reads the rows' aspects."""
    return any(part.arguments.get("aspect") is True for part in recipe.encoders.values())


def missing_aspects(recipe: Recipe, table: Table) -> list[Problem]:
    """The rows that have a text and no aspect, where the recipe reads aspects."""
    if not reads_aspects(recipe):
        return []
    rows = [sample for sample in table.samples if sample.text is not None and sample.aspect is None]
    return [
        Problem(file=file, row=row, id=sample.id, field="aspect", reason=MISSING)
        for sample, (file, row) in zip(rows, map(place, rows), strict=True)
    ]


def unread_aspects(recipe: Recipe, table: Table) -> list[str]:
    """A line that says so where rows have aspects that the recipe does not read: rows of one text then differ in nothing."""
    count = sum(sample.aspect is not None for sample in table.samples)
    if not count or reads_aspects(recipe):
        return []
    return [
        f"{table.name}: {count} {plural(count)} with an aspect, which the recipe does not read (encoders.text.aspect is false)"
    ]
