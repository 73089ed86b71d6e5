"""Marked parts of a text in the cell of a table, and as answers: ``[{"start": 8, "end": 13, "role": "aspect"}]``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from polysense.errors import DataError
from polysense.types import Span

FORM = '[{"start": 8, "end": 13, "role": "aspect"}, ...]'


def marked(cell: object, length: int) -> tuple[Span, ...]:
    """The spans in a cell, sorted: JSON text, or a list of dicts, of triples (start, end, role) or of :class:`Span`.

    Args:
        cell: the list, or the text of one.
        length: characters of the text that they lie in.

    Raises:
        DataError: the cell is no list of spans, or one leaves the text.
    """
    found = _parsed(cell) if isinstance(cell, str) else cell
    if not isinstance(found, list | tuple):
        raise DataError(f"expected a list of spans, {FORM}, got {type(found).__name__}")
    return tuple(sorted(_span(one, length) for one in found))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(f"not JSON; a cell of spans is {FORM}") from None


def _span(one: object, length: int) -> Span:
    if isinstance(one, Span):
        parts: tuple[object, ...] = (one.start, one.end, one.role)
    elif isinstance(one, Mapping):
        parts = (one.get("start"), one.get("end"), one.get("role"))
    else:
        parts = tuple(one) if isinstance(one, list | tuple) else ()
    match parts:
        case (int(start), int(end), str(role)) if not isinstance(start, bool) and not isinstance(end, bool) and role.strip():
            if 0 <= start < end <= length:
                return Span(start, end, role.strip())
            raise DataError(f"the span from {start} to {end} does not lie in the text, which has {length} characters")
    raise DataError(f"{one!r} is not a span; write {FORM}")
