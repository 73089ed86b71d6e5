"""What stands beside the scores of a run, so that a reader sees what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from polysense.report.run import Run
from polysense.report.units import plain
from polysense.training.rival import REFERENCES


@dataclass(frozen=True, slots=True)
class Reference:
    """The scores of something simpler than the run, on the rows that the run is scored on."""

    name: str
    rows: int
    """Of them, how many it could answer."""
    metrics: Mapping[str, float]


def references(run: Run) -> list[Reference]:
    """Those that training computed and wrote into the run's record."""
    return [
        Reference(REFERENCES.get(name, plain(name)), int(found["rows"]), found["metrics"])
        for name, found in (run.record.get("references") or {}).items()
    ]
