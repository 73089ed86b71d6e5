"""How the run was made, so that it can be made again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from polysense.data.counts import Counts
from polysense.report.run import Run
from polysense.report.section import Section, render
from polysense.training.card import best_and_last


def origin(run: Run, against: Sequence[Run]) -> Section:
    """The command, seeds, data, versions and the recipe."""
    data = run.record.get("data") or {}
    return Section(
        "origin",
        "How this was made",
        render(
            "origin.html",
            run=run,
            last=best_and_last(run.record, run.evaluations),
            command=command(run),
            data=data,
            counts=counts(data),
            digests=data.get("digests") or {},
            versions=run.record.get("versions") or {},
            skipped=[skipped(entry) for entry in run.record.get("skipped_rows") or ()],
            against=[other.name for other in against],
        ),
    )


def counts(data: Mapping[str, Any]) -> dict[str, str]:
    """The rows of each split; labelled and unlabelled ones apart, where the run noted them."""
    splits, labelled = data.get("splits") or {}, data.get("labelled") or {}
    return {
        name: str(Counts(labelled[name], count - labelled[name])) if name in labelled else str(count)
        for name, count in splits.items()
    }


def command(run: Run) -> str:
    """The command that makes the run with all its options, if it was recorded, else as far as the record tells."""
    if given := run.record.get("command"):
        return shlex.join([*given, "--out", f"runs/{run.name}"])
    name, data = str(run.record.get("name", "RECIPE")), str((run.record.get("data") or {}).get("name", "")).strip()
    words = ["polysense", "train", name, "--data", f"DATA/{data}" if data else "DATA", "--out", f"runs/{run.name}"]
    return shlex.join([*words, "--seeds", ",".join(str(seed) for seed in run.seeds)])


def skipped(entry: object) -> str:
    """A skipped row in one line."""
    if not isinstance(entry, dict):
        return str(entry)
    place = f"{entry.get('file', '')}, row {entry['row']}" if entry.get("row") is not None else str(entry.get("file", ""))
    return f"{place}: {entry.get('field', '')} {entry.get('reason', '')}".strip()
