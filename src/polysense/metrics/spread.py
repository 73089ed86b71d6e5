"""The spread of a metric over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import stdev


def sample_std(values: Sequence[float]) -> float | None:
    """The sample standard deviation; None of one value, NaN where one is no finite number (a correlation of a constant)."""
    if len(values) < 2:
        return None
    return stdev(values) if all(map(math.isfinite, values)) else math.nan
