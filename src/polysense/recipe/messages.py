"""What to say about a value of the wrong type."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from polysense.errors import choices

_KEY = re.compile(r'key "[^"]*?\.([^".]+)[^"]*":')


def wrong_value(error: Exception, annotations: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """``width must be int, found 'wide'``, or ``pooling: there is no 'max'; valid: ...``, from what jsonargparse raised.

    Args:
        error: names the argument as ``key "entry.argument"``; where it does not, its own words are kept.
        annotations: the type of each argument.
        values: what was written for each.
    """
    match = _KEY.search(str(error))
    name = match.group(1) if match else ""
    if name not in annotations or name not in values:
        return " ".join(str(error).split())
    annotation = annotations[name]
    if names := _names(annotation):
        return f"{name}: there is no {values[name]!r}; {choices(str(values[name]), names)}"
    expected = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return f"{name} must be {expected}, found {values[name]!r}"


def _names(annotation: Any) -> tuple[str, ...]:
    """The names that there are, of a ``Literal`` or one that may be null; nothing where anything else may stand."""
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    if get_origin(annotation) in {Union, UnionType}:
        parts = [("null",) if part is NoneType else _names(part) for part in get_args(annotation)]
        return tuple(name for part in parts for name in part) if all(parts) else ()
    return ()
