"""Reviews between tags: text that looks like XML and is none, for nothing in it is escaped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from polysense.errors import DataError, display

_REVIEW = re.compile(r"<review(\s[^>]*)?>(.*?)</review>", re.DOTALL)
_OPENING = re.compile(r"<review[\s>]")
_ATTRIBUTE = re.compile(r'([\w-]+)\s*=\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Tagged:
    """What stands between ``<review>`` and ``</review>``."""

    attributes: dict[str, str]
    body: str

    def field(self, name: str) -> str | None:
        """What stands between the lines ``<name>`` and ``</name>``; None where they are not there."""
        found = re.search(rf"^<{name}>$(.*?)^</{name}>$", self.body, re.DOTALL | re.MULTILINE)
        return None if found is None else found[1].strip()


def read_reviews(path: Path, text: str) -> list[Tagged]:
    """The reviews in the ``text`` of a file, in their order.

    Raises:
        DataError: there is none, or one has no end; the message names its line.
    """
    found, behind = [], 0
    for match in _REVIEW.finditer(text):
        _refuse_opening(path, text, behind, match.start())
        _refuse_opening(path, text, match.start(2), match.end(2))
        found.append(Tagged(dict(_ATTRIBUTE.findall(match[1] or "")), match[2]))
        behind = match.end()
    _refuse_opening(path, text, behind, len(text))
    if not found:
        raise DataError(f"{display(path)} has no reviews between <review> and </review>")
    return found


def _refuse_opening(path: Path, text: str, start: int, end: int) -> None:
    """Raise where a review begins that does not end: inside of another, or behind the last."""
    opening = _OPENING.search(text, start, end)
    if opening is not None:
        line = text.count("\n", 0, opening.start()) + 1
        raise DataError(f"{display(path)}, line {line}: the review that ends there or before has no </review>")
