"""Rows whose text is given as its words: they are answered in the numbers of these words too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polysense.data.tags import in_words
from polysense.data.words import words
from polysense.types import Span


def given_words(row: object) -> list[str] | None:
    """The words of a row that is a list of them, or whose ``text`` is; None for any other row."""
    found = row.get("text") if isinstance(row, Mapping) else row
    if isinstance(found, list | tuple) and all(isinstance(word, str) for word in found):
        return list(found)
    return None


def joined(row: object, given: Sequence[str]) -> dict[str, Any]:
    """The row with its words joined by blanks as its text: answers count its characters."""
    return {**(row if isinstance(row, Mapping) else {}), "text": " ".join(given)}


def in_given_words(answer: dict[str, Any], given: Sequence[str]) -> dict[str, Any]:
    """The answer about joined words, where ``words`` of its spans, and ``unread``, count the words as they were given."""
    if answer.get("spans") is None:
        return answer
    places, at = [], 0
    for word in given:
        places.append((at, at + len(word)))
        at += len(word) + 1
    spans = []
    for span in answer["spans"]:
        [found] = in_words([Span(span["start"], span["end"], span["role"])], places)
        spans.append({**span, "words": [found.start, found.end]})
    units = words(" ".join(given))
    read = units[-answer["unread"]][0] if answer["unread"] else at
    return {**answer, "spans": spans, "unread": sum(end > max(start, read) for start, end in places)}
