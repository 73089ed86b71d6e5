"""What to say about a value of the wrong type."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

_KEY = re.compile(r'key "[^"]*?\.([^".]+)[^"]*":')


def wrong_value(error: Exception, annotations: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """``pooling must be Literal['mean', 'cls'], found 'max'``, from what jsonargparse raised.

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
    expected = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return f"{name} must be {expected}, found {values[name]!r}"
