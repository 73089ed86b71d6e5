"""Names of metrics: of which less is better, and how messages list them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from polysense.errors import LISTED, choices

LESS = re.compile(r"MAE|ece|.*(_loss|perplexity|_median_rank|alignment|uniformity|_geometry)")
"""The names of metrics of which less is better."""


def lower_is_better(metric: str) -> bool:
    """Whether less is better of a metric, or of one of a modality by itself: ``MAE``, ``MAE/text``, ``STS-B dev alignment``."""
    return LESS.fullmatch(metric.partition("/")[0]) is not None


def metric_choices(wrong: str, there: Iterable[str]) -> str:
    """The end of a message about a metric that is not there: the nearest name, then all of them.

    Those of single classes, modalities or roles (``f1/positive``) are named by kind, ``f1/...``, and what they are of once.
    """
    names = list(there)
    kinds = dict.fromkeys(f"{name.partition('/')[0]}/..." if "/" in name else name for name in names)
    parts = [repr(part) for part in dict.fromkeys(name.partition("/")[2] for name in names if "/" in name)]
    more = ", ..." if len(parts) > LISTED else ""
    of = f"; in place of the dots {', '.join(parts[:LISTED])}{more}" if parts else ""
    return choices(wrong, names, listed=list(kinds)) + of
