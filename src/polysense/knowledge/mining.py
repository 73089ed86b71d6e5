"""Mining: a lexicon and its aspects from plain text and a few seeds."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polysense.errors import DataError, RecipeError
from polysense.knowledge.aspects import count_pairs
from polysense.knowledge.chinese import JiebaTagger
from polysense.knowledge.counts import Counting, WordCounts, count_seeds, count_words
from polysense.knowledge.encoded import EncodedCorpus, encode
from polysense.knowledge.english import PatternTagger, PlainWords
from polysense.knowledge.entries import NEGATIVE, POSITIVE, Entry, Pair, Polarity
from polysense.knowledge.function_words import FUNCTION_WORDS
from polysense.knowledge.knowledge import Knowledge
from polysense.knowledge.patterns import PATTERNS, Pattern
from polysense.knowledge.scores import Balance, pointwise_mutual_information, word_polarity
from polysense.knowledge.seeds import Seeds
from polysense.knowledge.settings import Settings
from polysense.knowledge.tagger import TAGS, Language, Tag, Tagger
from polysense.knowledge.windows import Window
from polysense.progress import Progress

FEW_HITS = 1000
"""Windows with a seed of one side, below which the sign of what is found is hardly better than chance."""

SMALL = 20_000
"""Windows below which a corpus is small: `min_count` is then 8 by default, and 20 otherwise."""

SHORTEST: dict[Language, int] = {"en": 3, "zh": 2}
"""Letters that a word of the lexicon has at least; seeds may be shorter."""

DIGITS = 6
"""Decimals of a score: those of the file, so that what is written and read again is equal."""


def mine(
    texts: Iterable[str],
    *,
    language: Language = "en",
    seeds: Seeds | None = None,
    window: Window | None = None,
    tags: Sequence[Tag] | None = ("ADJ", "ADV", "VERB"),
    patterns: Sequence[Pattern] | None = PATTERNS,
    top: int = 400,
    min_count: int | None = None,
    min_seed_count: int = 5,
    min_score: float = 0.0,
    min_pair_count: int = 2,
    function_words: bool = False,
    smoothing: float = 0.0,
    balance: Balance = "mean",
    skip_negated: bool = False,
    pairs: bool = True,
    tagger: Tagger | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> Knowledge:
    """Find which words of a corpus praise and which blame, and what they speak of.

    A word's score is the mean of its pointwise mutual information with the positive seeds less that with the negative seeds; a seed
    that it was never seen with counts as 0. The strongest words a side are kept. Equal texts in whatever order give equal
    knowledge, and equal files.

    Args:
        texts: one document each; read once, so a generator will do, and larger than memory may they be.
        language: of the texts.
        seeds: the words of known polarity; by default the list of the package for the language.
        window: what counts as together: ``sentence`` (English), ``document`` (Chinese), ``pattern``, or a number of words.
        tags: kinds of word that the lexicon may hold, by the most frequent tag; None for all. Nouns are aspects, so not by default.
        patterns: a word must stand in a match of one of them at least once; None for all words.
        top: words a side, at most, beside the seeds.
        min_count: windows that hold a word, at least; by default 20, and 8 in corpora of fewer than 20,000 windows.
        min_seed_count: windows that hold a seed, at least; rarer seeds are not used, with a warning.
        min_score: size of the score of a word, at least; weak words are often of the topic, and say little.
        min_pair_count: times that a pair was seen, at least.
        function_words: whether the lexicon may hold auxiliaries, negators, pronouns and the like. Not by default: they say how people
            complain, and where the words of a text are weighed they tip it to blame. Seeds are taken as they are given.
        smoothing: added to every count of word and seed together. Above 0, short corpora lose the sign.
        balance: ``mean`` or ``sum`` over the seeds of a side.
        skip_negated: do not count words with a negator at most three words to their left, in their clause.
        pairs: whether to look for pairs.
        tagger: cuts and tags; by default the language's own (extra ``knowledge``). English without tags, patterns and pairs needs none.
        processes: that tag at the same time where there are enough texts; the result is the same. More than one need the guard of a
            script's main part (``if __name__ == "__main__"``).
        progress: told the texts done (and 0: their number is not known before).

    Raises:
        RecipeError: an argument is wrong.
        DataError: there are no words, or no seed of a side is frequent enough.
        PolysenseError: the tagger's extra is not installed.
    """
    if isinstance(texts, str):
        raise RecipeError("texts: several texts are expected, this is one")
    settings = Settings(
        language=language,
        seeds=seeds,
        window=window,
        tags=tags,
        patterns=patterns,
        top=top,
        min_count=min_count,
        min_seed_count=min_seed_count,
        min_score=min_score,
        min_pair_count=min_pair_count,
        function_words=function_words,
        smoothing=smoothing,
        balance=balance,
        skip_negated=skip_negated,
        pairs=pairs,
    )
    tagger = tagger or default_tagger(language, untagged=not settings.needs_tags)
    name = tagger.name  # says now, not after hours, that an extra is missing
    with TemporaryDirectory(prefix="polysense-") as folder:
        corpus = encode(texts, tagger, language, Path(folder), processes=processes, progress=progress)
        return mine_encoded(corpus, settings, tagger=name)


def default_tagger(language: Language, *, untagged: bool = False) -> Tagger:
    """The tagger of a language; ``untagged``: one that may do without tags."""
    if language == "zh":
        return JiebaTagger()
    return PlainWords() if untagged else PatternTagger()


def all_cores() -> int:
    """How many processes may run at the same time here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def mine_encoded(corpus: EncodedCorpus, settings: Settings, *, tagger: str = "") -> Knowledge:
    """The same of a corpus that is tagged already: to count it again with other settings takes a fraction of the time.

    Raises:
        DataError: no seed of a side is frequent enough.
    """
    counting = Counting(
        corpus,
        settings.language,
        settings.used_window,
        None if settings.patterns is None else tuple(settings.patterns),
        settings.skip_negated,
    )
    counts = count_words(counting)
    told: list[str] = []
    sides = _seed_places(corpus, counts, settings, told)
    min_count = settings.min_count or (8 if counts.windows < SMALL else 20)
    words = _candidates(corpus, counts, settings, min_count, np.concatenate(sides))
    beside = count_seeds(counting, words, sides)
    _tell_few(beside.hits, told)
    pmi = pointwise_mutual_information(
        beside.together,
        counts.holding[words],
        counts.holding[np.concatenate(sides)],
        counts.windows,
        smoothing=settings.smoothing,
    )
    scores = word_polarity(pmi, len(sides[NEGATIVE]), balance=settings.balance).round(DIGITS)
    unscored = [corpus.vocabulary[place] for place, score in zip(words, scores, strict=True) if score == 0]
    found = {
        corpus.vocabulary[place]: Entry(
            float(score),
            POSITIVE if score > 0 else NEGATIVE,
            int(counts.holding[place]),
            tag=TAGS[int(counts.tags[place].argmax())],
        )
        for place, score in zip(words, scores, strict=True)
        if score != 0 and abs(score) >= settings.min_score
    }
    if not found:
        weak = f", with a score of {settings.min_score:g} or more" if settings.min_score else ""
        told.append(
            f"no word was found: none is both frequent (min_count {min_count}) and near a seed{weak}; only the seeds are there"
        )
    lexicon = _strongest(found, settings.top) | _seeds(corpus, counts, settings.used_seeds, found)
    known = _pairs(counting, lexicon, settings.min_pair_count) if settings.pairs else {}
    for message in told:
        warnings.warn(message, stacklevel=3)
    record = _record(corpus, settings, counts, min_count, beside.hits, told, tagger) | {"scored 0": sorted(unscored)}
    return Knowledge(lexicon, known, settings.language, record)


def _seed_places(
    corpus: EncodedCorpus, counts: WordCounts, settings: Settings, told: list[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places in the vocabulary of the seeds that are frequent enough, per side."""
    places = {word: place for place, word in enumerate(corpus.vocabulary)}
    seeds = settings.used_seeds
    sides = []
    rare: list[str] = []
    for name, words in (("negative", seeds.negative), ("positive", seeds.positive)):
        used = [places[word] for word in words if word in places and counts.holding[places[word]] >= settings.min_seed_count]
        if not used:
            raise DataError(
                f"no {name} seed of {seeds.name} is in {settings.min_seed_count} windows of the corpus or more; "
                f"are the texts in the language {settings.language!r}? Seeds of your own may fit better"
            )
        rare += [word for word in words if places.get(word) not in used]
        sides.append(np.array(used, np.int64))
    if rare:
        told.append(f"seeds in fewer than {settings.min_seed_count} windows are not used: {', '.join(rare)}")
    return sides[0], sides[1]


def _candidates(
    corpus: EncodedCorpus, counts: WordCounts, settings: Settings, min_count: int, seeds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The places in the vocabulary of the words to score."""
    fit = (counts.holding >= min_count) & counts.in_pattern
    if settings.tags is not None:
        fit &= np.isin(counts.tags.argmax(axis=1), [TAGS.index(tag) for tag in settings.tags])
    fit[seeds] = False
    barred = {*settings.used_seeds.positive, *settings.used_seeds.negative}
    if not settings.function_words:
        barred |= FUNCTION_WORDS[settings.language]
    shortest = SHORTEST[settings.language]
    return np.array(
        [
            place
            for place in np.flatnonzero(fit)
            if (word := corpus.vocabulary[place]) not in barred and sum(map(str.isalpha, word)) >= shortest
        ],
        np.int64,
    )


def _tell_few(hits: tuple[int, int], told: list[str]) -> None:
    for name, count in zip(("negative", "positive"), hits, strict=True):
        if count < FEW_HITS:
            told.append(
                f"only {count:,} windows hold a {name} seed: below {FEW_HITS:,} many signs come out wrong; "
                "more text, longer windows or more frequent seeds help"
            )


def _strongest(found: dict[str, Entry], top: int) -> dict[str, Entry]:
    ranked = Knowledge(found)
    return dict(entry for side in (POSITIVE, NEGATIVE) for entry in ranked.strongest(side, top))


def _seeds(corpus: EncodedCorpus, counts: WordCounts, seeds: Seeds, found: dict[str, Entry]) -> dict[str, Entry]:
    """The seeds keep their polarity and are not scored: each stands level with the strongest word of its side."""
    places = {word: place for place, word in enumerate(corpus.vocabulary)}
    entries: dict[str, Entry] = {}
    sides: tuple[tuple[Polarity, tuple[str, ...]], ...] = ((NEGATIVE, seeds.negative), (POSITIVE, seeds.positive))
    for polarity, words in sides:
        strength = max((abs(entry.score) for entry in found.values() if entry.polarity == polarity), default=1.0)
        for word in words:
            place = places.get(word)
            count = 0 if place is None else int(counts.holding[place])
            tag = "" if place is None else TAGS[int(counts.tags[place].argmax())]
            entries[word] = Entry(strength if polarity else -strength, polarity, count, seed=True, tag=tag)
    return entries


def _pairs(counting: Counting, lexicon: dict[str, Entry], least: int) -> dict[tuple[str, str], Pair]:
    words = np.array([place for place, word in enumerate(counting.corpus.vocabulary) if word in lexicon], np.int64)
    counted = count_pairs(counting, words)
    return {pair: Pair(count, lexicon[pair[1]].polarity) for pair, count in counted.items() if count >= least}


def _record(
    corpus: EncodedCorpus,
    settings: Settings,
    counts: WordCounts,
    min_count: int,
    hits: tuple[int, int],
    told: list[str],
    tagger: str,
) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "settings": asdict(replace(settings, seeds=settings.used_seeds, window=settings.used_window, min_count=min_count)),
        "corpus": {
            "texts": corpus.texts,
            "words": corpus.size,
            "windows": counts.windows,
            "vocabulary": len(corpus.vocabulary),
            "windows with a negative seed": hits[0],
            "windows with a positive seed": hits[1],
            "sha256": corpus.digest,
        },
        "releases": {"polysense": version("polysense"), "tagger": tagger},
        "warnings": told,
    }
