"""Whether a text speaks of what it is asked about, by its words."""

from __future__ import annotations

from polysense.data.words import words
from polysense.types import Sample


def is_absent(sample: Sample) -> bool:
    """Whether the row asks about an aspect that does not stand in its text, word for word and in whatever case.

    For a term that is a mistake, or there is nothing to answer; a category may well be absent.
    """
    if sample.aspect is None or sample.text is None:
        return False
    text, aspect = _words(sample.text), _words(sample.aspect)
    return not any(text[at : at + len(aspect)] == aspect for at in range(len(text) - len(aspect) + 1))


def _words(text: str) -> list[str]:
    return [text[start:end].casefold() for start, end in words(text)]
