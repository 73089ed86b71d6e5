"""Where the sentences and the clauses of a text begin, by the rule of `find`."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from polysense.data.markup import without_markup
from polysense.knowledge.chinese import JiebaTagger
from polysense.knowledge.english import PlainWords
from polysense.knowledge.gaps import Gap, gap_between
from polysense.knowledge.tagger import Language


class Bounds(NamedTuple):
    """The first character of the first word of each, rising; none for a text without words."""

    sentences: list[int]
    clauses: list[int]
    """Every sentence begins one."""


def bounds(text: str, language: Language) -> Bounds:
    """The bounds of a text.

    Raises:
        PolysenseError: the text is Chinese, and the extra ``knowledge`` is not installed.
    """
    text = without_markup(text)
    tokens = (JiebaTagger() if language == "zh" else PlainWords()).tag(text)
    found = Bounds([token.start for token in tokens[:1]], [token.start for token in tokens[:1]])
    for before, after in pairwise(tokens):
        gap = gap_between(text, before.word, before.end, after.start, language)
        if gap >= Gap.CLAUSE:
            found.clauses.append(after.start)
        if gap is Gap.SENTENCE:
            found.sentences.append(after.start)
    return found
