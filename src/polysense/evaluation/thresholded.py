"""Answers that are not those of the probabilities alone: a threshold of each class decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def by_threshold(answer: Mapping[str, Any]) -> bool:
    """Whether the ``label`` of an answer is another than its ``probabilities`` suggest.

    They suggest the likeliest class; where a row may have several, ``label`` is a list and they suggest those of one half and more.
    """
    label, chances = answer.get("label"), answer.get("probabilities")
    if label is None or not chances:
        return False
    if isinstance(label, str):
        return bool(chances[label] < max(chances.values()))
    return set(label) != {name for name, chance in chances.items() if chance >= 0.5}
