"""A cell of a table as text, or why it cannot be used."""

from __future__ import annotations

import numbers
import re

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a pair of code units, which is no character."""


class BadCellError(Exception):
    """What is wrong with the cell of a field."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


def as_text(value: object, field: str) -> str:
    """A cell as text. Whole numbers that a missing neighbour turned into floats lose their ``.0`` again."""
    if isinstance(value, str):
        if not value.isascii() and SURROGATE.search(value):
            raise BadCellError(field, "holds half of a surrogate pair, which is no character: save the table again as UTF-8")
        return value
    if isinstance(value, numbers.Number) or type(value).__module__ in {"datetime", "uuid", "decimal"}:
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    raise BadCellError(field, f"expected text, got {type(value).__name__}")


def shorten(value: object) -> str:
    """A cell as messages show it."""
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")
