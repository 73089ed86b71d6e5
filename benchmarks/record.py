"""What every script here writes down: where numbers come from, and the numbers, as JSON for programs and as a page for people."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any


def commit() -> str:
    """Of the folder that the script was called in."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def origin() -> dict[str, str]:
    """The commit, and the machine."""
    return {"commit": commit(), "machine": f"{platform.machine()}, Python {platform.python_version()}"}


def write(folder: Path, name: str, result: Mapping[str, Any], page: str) -> None:
    """``<name>.json`` and ``<name>.md`` in the folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(page, encoding="utf-8")


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean, standard deviation (None of a single seed) and every seed."""
    return {"mean": mean(values), "std": stdev(values) if len(values) > 1 else None, "seeds": list(values)}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table of Markdown."""
    return [_line(head), "|---" * len(head) + "|", *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def plus_minus(one: Mapping[str, Any], *, times: float = 1, digits: int = 3) -> str:
    """``0.250 ± 0.010`` of what `spread` found; of a single seed the number alone."""
    return f"{times * one['mean']:.{digits}f}" + ("" if one["std"] is None else f" ± {times * one['std']:.{digits}f}")


def difference(one: Mapping[str, Any], *, times: float = 1, digits: int = 3) -> str:
    """``+0.010 (-0.002 to +0.022)`` of a difference and its interval."""
    value, low, high = (f"{times * one[name]:+.{digits}f}" for name in ("difference", "low", "high"))
    return f"{value} ({low} to {high})"
