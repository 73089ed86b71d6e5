"""Whether a model's vectors are all one: then they tell no sentence from another, whatever trained them."""

from __future__ import annotations

import math
from collections.abc import Mapping

ONE_POINT = -0.01
"""A uniformity above this: the mean squared distance between two sentences' vectors, of length 1, is below .005."""


def collapsed(metrics: Mapping[str, float]) -> str | None:
    """What the metrics say of it, as the rest of a sentence that begins with who gave them; None where they say nothing of it."""
    shapes = {name: value for name, value in metrics.items() if name.endswith("uniformity")}
    if shapes and min(shapes.values()) > ONE_POINT:
        name, value = min(shapes.items(), key=lambda pair: pair[1])
        return (
            f"gives all sentences nearly the same vector ({name} {value:.4f}, where 0 is one point): they cannot be told apart"
        )
    lost = [name for name, value in metrics.items() if "/" not in name and math.isnan(value)]
    if lost:
        return f"has no number for {', '.join(lost)}: its answers to all rows, or what they are compared with, are alike or no numbers"
    return None
