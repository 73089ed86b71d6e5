"""What was fitted on validation rows when the training was over, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def in_words(settled: Mapping[str, Any]) -> str:
    """A temperature and thresholds in a line: ``temperature 0.870; thresholds negative 0.410, positive 0.520``."""
    parts = [f"temperature {settled['temperature']:.3f}"] if "temperature" in settled else []
    thresholds = ", ".join(f"{label} {value:.3f}" for label, value in settled.get("thresholds", {}).items())
    return "; ".join([*parts, *([f"thresholds {thresholds}"] if thresholds else [])])


def by_seed(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each seed and objective that has such: ``seed 1: temperature 0.504``."""
    return [
        f"seed {result['seed']}: {in_words(settled)}" for result in results for settled in result.get("settled", {}).values()
    ]
