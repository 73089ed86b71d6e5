"""Sentiment knowledge: which words speak well or badly of something, and of what they do so."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from polysense.errors import RecipeError, choices
from polysense.knowledge.entries import NEGATIVE, POSITIVE, Entry, Pair, Polarity, form_fault, ranked
from polysense.knowledge.files import read_contents, read_lexicon, write_contents
from polysense.knowledge.plurals import one_name
from polysense.knowledge.tagger import LANGUAGES, Language


def _entry_fault(entry: Entry) -> str | None:
    if not math.isfinite(entry.score) or entry.score == 0:
        return f"the score {entry.score} is not finite, or 0"
    if entry.polarity not in (NEGATIVE, POSITIVE) or (entry.score > 0) != (entry.polarity == POSITIVE):
        return f"the polarity {entry.polarity} is not that of the score {entry.score}"
    if any(sign in entry.tag for sign in "\t\n\r"):
        return "the tag holds a tab or a line break"
    return f"the count {entry.count} is below 0" if entry.count < 0 else None


def _pair_fault(pair: Pair, entry: Entry) -> str | None:
    if pair.polarity != entry.polarity:
        return f"the polarity {pair.polarity} is not the word's"
    return f"the count {pair.count} is below 0" if pair.count < 0 else None


@dataclass(frozen=True, slots=True)
class AspectSummary:
    """What is said of one aspect."""

    aspect: str
    positive: int
    """Times that praise stands next to it."""
    negative: int
    words: tuple[str, ...]
    """The words that stand next to it, from the most frequent on."""


@dataclass(frozen=True)
class Knowledge:
    """A lexicon and the pairs of aspect and sentiment word, as `mine` finds them or a file gives them.

    Words and aspects stand as they are looked up: NFKC, lower case. Read-only; ``replace`` of `dataclasses` makes another one.

    Raises:
        RecipeError: a word or an aspect does not stand so, a number of it makes no sense, or its polarity is not that of its score.
    """

    words: Mapping[str, Entry]
    pairs: Mapping[tuple[str, str], Pair] = field(default_factory=dict)
    """(aspect, word) to what is known; every word of a pair is in ``words``."""
    language: Language = "en"
    record: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """How it was made: parameters, digest of the corpus, releases, warnings."""

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise RecipeError(f"language: {self.language!r} is not known; {choices(str(self.language), LANGUAGES)}")
        strangers = {word for _, word in self.pairs} - self.words.keys()
        if strangers:
            raise RecipeError(f"pairs with words that are not in the lexicon: {', '.join(sorted(strangers)[:8])}")
        for word, entry in self.words.items():
            if (fault := form_fault(word) or _entry_fault(entry)) is not None:
                raise RecipeError(f"the word {word!r}: {fault}")
        for (aspect, word), pair in self.pairs.items():
            if (fault := form_fault(aspect) or _pair_fault(pair, self.words[word])) is not None:
                raise RecipeError(f"the pair of {aspect!r} and {word!r}: {fault}")
        for name in ("words", "pairs", "record"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self.words), dict(self.pairs), self.language, dict(self.record))

    @cached_property
    def aspects(self) -> frozenset[str]:
        """Every aspect of a pair."""
        return frozenset(aspect for aspect, _ in self.pairs)

    @cached_property
    def digest(self) -> str:
        """Another one, other words, polarities, scores or pairs."""
        words = sorted((word, entry.score, entry.polarity) for word, entry in self.words.items())
        pairs = sorted((*pair, known.polarity) for pair, known in self.pairs.items())
        return hashlib.sha256(repr((self.language, words, pairs)).encode()).hexdigest()

    def strongest(self, polarity: Polarity, most: int | None = None, *, seeds: bool = False) -> list[tuple[str, Entry]]:
        """The words of one side from the strongest on; equal ones by count, then alphabetically. Without the seeds unless asked for."""
        return [(word, known) for word, known in ranked(self.words, polarity) if seeds or not known.seed][:most]

    def summary(self) -> list[AspectSummary]:
        """Every aspect, from the one most spoken of on; equal ones alphabetically.

        Singular and plural are one here, under the more frequent form, as a reader counts them. The pairs stay apart: in texts they are
        found, and hidden, as they are written.
        """
        names = one_name(self.aspects)
        forms: dict[str, Counter[str]] = {}
        said: dict[str, Counter[str]] = {}
        for (aspect, word), known in self.pairs.items():
            forms.setdefault(names[aspect], Counter())[aspect] += known.count
            said.setdefault(names[aspect], Counter())[word] += known.count
        found = []
        for name, counts in said.items():
            sums = [sum(counts[word] for word in counts if self.words[word].polarity == side) for side in (NEGATIVE, POSITIVE)]
            words = tuple(sorted(counts, key=lambda word: (-counts[word], word)))
            shown = min(forms[name], key=lambda form: (-forms[name][form], form))
            found.append(AspectSummary(shown, sums[POSITIVE], sums[NEGATIVE], words))
        return sorted(found, key=lambda one: (-(one.positive + one.negative), one.aspect))

    def merge(self, other: Knowledge) -> Knowledge:
        """Both: where they differ in the polarity or score of a word, this one is right; counts add up.

        Raises:
            RecipeError: they are of different languages.
        """
        if self.language != other.language:
            raise RecipeError(f"knowledge of {self.language!r} and of {other.language!r} cannot be merged")
        words = dict(self.words)
        for word, theirs in other.words.items():
            own = words.get(word)
            words[word] = theirs if own is None else replace(own, count=own.count + theirs.count)
        pairs = dict(self.pairs)
        for pair, known in other.pairs.items():
            before = pairs[pair].count if pair in pairs else 0
            pairs[pair] = Pair(before + known.count, words[pair[1]].polarity)
        return Knowledge(words, pairs, self.language, {"merged": [dict(self.record), dict(other.record)]})

    @classmethod
    def read(cls, path: Path | str) -> Knowledge:
        """What `write` wrote, a folder; or a lexicon alone, a file (see `from_lexicon`). Raises DataError."""
        return cls(*read_contents(Path(path)))

    def write(self, folder: Path | str) -> Path:
        """Write ``lexicon.tsv``, ``pairs.tsv`` and ``knowledge.json`` and return the folder. Equal knowledge gives equal bytes."""
        return write_contents(Path(folder), self.words, self.pairs, self.language, self.record)

    @classmethod
    def from_lexicon(cls, path: Path | str) -> Knowledge:
        """A ready lexicon. Entries that are never one word of a text, as emoticons and phrases, are left out; ``record`` counts them.

        Args:
            path: a file ``word<TAB>score...`` (VADER, AFINN, or any table like it), where a header row may name the columns ``word``,
                ``score``, ``polarity`` and ``count`` in any order; or a folder with ``positive-words.txt`` and ``negative-words.txt``.

        Raises:
            DataError: it cannot be read, or a line is none of these; the message names it.
        """
        return cls(*read_lexicon(Path(path)))
