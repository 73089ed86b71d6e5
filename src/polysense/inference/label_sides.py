"""On which side a class is, by its name: praise, blame or neither."""

from __future__ import annotations

import re
from typing import Literal

Side = Literal["positive", "negative", "other"]

_PRAISE = ("pos", "good", "great", "excellent", "praise", "正", "好")
_BLAME = ("neg", "bad", "poor", "terrible", "blame", "负", "差")
"""How words begin that name a side."""


def side(label: str) -> Side:
    """The side of a class by its name, as data sets write them: ``positive``, ``very negative``, ``pos``, ``正面``."""
    words = re.findall(r"[^\W_]+", label.casefold())
    praise, blame = (any(word.startswith(names) for word in words) for names in (_PRAISE, _BLAME))
    if praise == blame:
        return "other"
    return "positive" if praise else "negative"


def by_side(label: str) -> tuple[int, str]:
    """To sort classes by: praise first, blame last."""
    return ("positive", "other", "negative").index(side(label)), label


def same_meaning(one: str, other: str) -> bool:
    """Whether two labels have the same name, or the same side of the two: ``pos`` and ``positive``."""
    return one.casefold() == other.casefold() or (side(one) == side(other) != "other")
