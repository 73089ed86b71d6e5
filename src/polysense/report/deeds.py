"""What a run that learned from no targets does with a few held-out rows: what it finds, and what it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polysense.report.run import Run
from polysense.report.section import Section, render
from polysense.report.thumbnails import thumbnail


def deeds(run: Run, against: Sequence[Run]) -> Section | None:
    """Of the seed that stands for the run: texts near to texts, pictures found by texts, and what it wrote beside what people did."""
    del against
    shown = run.examples.get(run.best_seed if run.best_seed is not None else -1) or {}
    if not shown:
        return None
    pictured = [{**row, "found": [_with_picture(run, one) for one in row["found"]]} for row in shown.get("pictures", ())]
    written = [_with_picture(run, row) for row in shown.get("written", ())]
    page = render("deeds.html", texts=shown.get("texts", ()), pictures=pictured, written=written)
    return Section("examples", "What it does", page)


def _with_picture(run: Run, row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "picture": thumbnail(row["image"], near=run.path) if row.get("image") else None}
