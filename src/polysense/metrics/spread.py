"""The spread of a metric over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev


def sample_std(values: Sequence[float]) -> float | None:
    """The sample standard deviation; None of one value, NaN where one is no finite number (a correlation of a constant)."""
    if len(values) < 2:
        return None
    return stdev(values) if all(map(math.isfinite, values)) else math.nan


def mean_and_std(values: Sequence[float], digits: int = 4) -> str:
    """``0.5210 ± 0.0130``; of one value that alone."""
    std = sample_std(values)
    return f"{fmean(values):.{digits}f}" + ("" if std is None else f" ± {std:.{digits}f}")
