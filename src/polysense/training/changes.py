"""What differs between a run that was started and one that would go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNNAMED = {"objective", "init_args"}
"""Levels of a recipe that ``--set`` may leave out."""
SHOWN = 8
"""Differences that a message lists."""
LONGEST = 60
"""Characters of a value that a message shows."""


def changed_entries(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line an entry of two recipes, as plain data, that differs: ``training.learning_rate: 0.001, now 0.01``."""
    old, new = _flat(before), _flat(now)
    lines = [
        f"{entry}: {_shown(old, entry)}, now {_shown(new, entry)}"
        for entry in dict.fromkeys([*old, *new])
        if entry not in old or entry not in new or old[entry] != new[entry]
    ]
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"... and {len(lines) - SHOWN} more"]


def changed_data(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What two notes of data (``data.json``) tell of why their contents differ; a last resort where they tell nothing."""
    lines = [
        f"{name}: {_text(before[key])}, now {_text(now[key])}"
        for key, name in (("name", "table"), ("splits", "rows a split"), ("labelled", "labelled rows a split"))
        if key in before and key in now and before[key] != now[key]
    ]
    old, new = before.get("digests", {}), now.get("digests", {})
    lines += [f"the file {file} is another one" for file in old if file in new and old[file] != new[file]]
    return lines or ["the rows, their order or the content of their pictures differ"]


def changed_making(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Releases and ways to encode that two notes of data name and that differ: ``torch 2.12, now 2.13``."""
    old, new = before.get("made_with", {}), now.get("made_with", {})
    return [f"{name} {old[name]}, now {new[name]}" for name in new if name in old and old[name] != new[name]]


def _flat(value: Any, entry: str = "") -> dict[str, Any]:
    """Every leaf by the entry under which a user overrides it; a list of plain values is a leaf."""
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping) or (entry and not value):
        return {entry: value}
    found: dict[str, Any] = {}
    for key, part in value.items():
        found |= _flat(part, ".".join(filter(None, (entry, "" if key in UNNAMED else str(key)))))
    return found


def _shown(flat: Mapping[str, Any], entry: str) -> str:
    return _text(flat[entry]) if entry in flat else "not there"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
