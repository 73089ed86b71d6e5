"""Where the sentences of a text begin, by the rule of `find`."""

from __future__ import annotations

from itertools import pairwise

from polysense.knowledge.chinese import JiebaTagger
from polysense.knowledge.english import PlainWords
from polysense.knowledge.gaps import Gap, gap_between
from polysense.knowledge.tagger import Language


def sentence_starts(text: str, language: Language) -> list[int]:
    """The first character of the first word of every sentence, rising; empty for a text without words.

    Raises:
        PolysenseError: the text is Chinese, and the extra ``knowledge`` is not installed.
    """
    tokens = (JiebaTagger() if language == "zh" else PlainWords()).tag(text)
    later = [
        after.start
        for before, after in pairwise(tokens)
        if gap_between(text, before.word, before.end, after.start, language) is Gap.SENTENCE
    ]
    return [tokens[0].start, *later] if tokens else []
