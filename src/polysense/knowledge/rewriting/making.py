"""Rewriting: other texts for every caption of a corpus, offline, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars

from polysense.data.caption import Caption
from polysense.data.json_file import read_object
from polysense.data.media import normalised
from polysense.data.rewrite import LEVELS, Level, Rewrite
from polysense.data.rewrites import COLUMNS, RECORD, TABLE, Rewrites
from polysense.errors import RecipeError, choices, display
from polysense.knowledge.english import PatternTagger
from polysense.knowledge.rewriting.control import control_record, text_only_control
from polysense.knowledge.rewriting.corpus import CaptionCorpus
from polysense.knowledge.rewriting.exchanges import KINDS, Exchanges
from polysense.knowledge.rewriting.replacements import Draw
from polysense.knowledge.rewriting.sentences import Sentences
from polysense.knowledge.rewriting.translator import Translator
from polysense.knowledge.shards import Shards, made_from
from polysense.knowledge.tagger import Tagger
from polysense.progress import Progress
from polysense.seeds import seed_from

PER_LEVEL: Mapping[Level, int] = {"positive": 4, "sentence": 8, "phrase": 4, "word": 4}
"""Rewrites of a caption, at most."""

PIECES = ".rewriting"
"""The folder in which pieces wait until the table is whole."""


def rewrite(
    captions: Iterable[Caption],
    *,
    seed: int = 0,
    per_level: Mapping[Level, int] | None = None,
    min_count: int = 3,
    factor: float = 4.0,
    draw: Draw = "balanced",
    ranks: int = 100,
    most_similar: float = 0.95,
    related: Mapping[str, Collection[str]] | None = None,
    translator: Translator | None = None,
    tagger: Tagger | None = None,
    split: str = "train",
    folder: Path | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Rewrites:
    """Write other texts for every caption, of the levels that `Rewrite` tells apart, and measure how well text alone tells them apart.

    - ``positive``: the other captions of the picture, and what ``translator`` says.
    - ``sentence``: captions of other pictures, drawn from those of ranks 1 to ``ranks`` by the cosine of TF-IDF.
    - ``phrase``: one noun phrase (attributes and noun) is exchanged for another one of the corpus, with another noun.
    - ``word``: one noun, one attribute (adjective, number, participle), or one relation (preposition, verb, or both) is exchanged.

    Equal captions in whatever order give equal rewrites. `Replacements` says what may take the place of a part.

    Args:
        captions: of the training rows alone: rewrites of test captions would teach a model what it is asked.
        seed: of all draws.
        per_level: rewrites of a caption, at most; `PER_LEVEL` where a level is not named. 0 leaves a level out.
        min_count: times that words were seen in the corpus, at least, to be put in or taken out.
        factor: how much rarer or more frequent than what it replaces a replacement may be.
        draw: how a replacement is drawn; see `Replacements`.
        ranks: how far down the ranking captions of other pictures are taken from.
        most_similar: the cosine above which a caption of another picture says the same.
        related: word -> words that may be true where it is; they never take each other's place.
        translator: says captions in other words.
        tagger: English by default (extra ``knowledge``). Levels without words exchanged need none.
        split: which rows these are, for the record.
        folder: where the table is written. What was done stays there after a kill, and the same call goes on with it.
        overwrite: write over a table that was made from something else.
        progress: told the captions done.

    Raises:
        RecipeError: an argument is wrong, or ``folder`` holds a table that was made from something else.
        DataError: there are no captions.
        PolysenseError: the tagger's extra is not installed.
    """
    wanted = _wanted(per_level)
    for name, value, least in (("min_count", min_count, 1), ("ranks", ranks, 1), ("most_similar", most_similar, 0)):
        if not value >= least:
            raise RecipeError(f"{name}: {value} is too small; at least {least}")
    exchanging = any(wanted[level] for level in KINDS)
    tagger = tagger or PatternTagger()
    corpus = CaptionCorpus.of(captions)
    record: dict[str, Any] = {
        "split": split,
        "seed": seed,
        "per_level": dict(wanted),
        "min_count": min_count,
        "factor": factor,
        "draw": draw,
        "ranks": ranks,
        "most_similar": most_similar,
        "related": {word: sorted(words) for word, words in sorted((related or {}).items())},
        "translator": None if translator is None else translator.name,
        "captions": {"captions": corpus.size, "pictures": len(corpus.pictures), "sha256": corpus.digest},
        "releases": {"polysense": version("polysense"), "tagger": tagger.name if exchanging else None},
    }
    digest = made_from(record)
    place = None if folder is None else Path(folder)
    if place is not None and (place / TABLE).exists():
        if read_object(place / RECORD).get("made_from") == digest:
            return Rewrites.read(place)
        if not overwrite:
            raise RecipeError(
                f"{display(place)} holds a {TABLE} that was made from other captions or with other settings: write over it with "
                "--overwrite, or name another folder"
            )
    tell = progress or (lambda done, total: None)
    exchanges = (
        Exchanges.of(
            corpus,
            tagger,
            min_count=min_count,
            factor=factor,
            draw=draw,
            related=related or {},
            progress=lambda done: tell(0, corpus.size),
        )
        if exchanging
        else None
    )
    making = _Making(corpus, wanted, seed, Sentences(corpus, ranks, most_similar), exchanges, translator)
    shards = Shards(None if place is None else place / PIECES, digest)
    pieces, done = [], 0
    for number, names in enumerate(corpus.shards()):
        pieces.append(shards.piece(number, lambda names=names: making.piece(names)))  # type: ignore[misc]
        done += sum(len(corpus.pictures[name]) for name in names)
        tell(done, corpus.size)
    made = Rewrites(polars.concat(pieces))
    if exchanges is not None:
        record["vocabulary"] = exchanges.replacements.vocabulary.sizes
    record |= {"made_from": digest, "control": control_record(text_only_control(made))}
    made = Rewrites(made.table, record)
    if place is not None:
        made.write(place)
        shards.clear()
    return made


@dataclass(frozen=True)
class _Making:
    """Makes the rewrites of some pictures."""

    corpus: CaptionCorpus
    wanted: Mapping[Level, int]
    seed: int
    sentences: Sentences
    exchanges: Exchanges | None
    translator: Translator | None

    def piece(self, pictures: Sequence[str]) -> polars.DataFrame:
        """The rows of the table of these pictures' captions."""
        texts = sorted({text for picture in pictures for text in self.corpus.pictures[picture]})
        pools = self.sentences.pools(texts) if self.wanted["sentence"] else {}
        said = self._said(texts)
        rows = [
            (picture, text, made.level, made.text, made.replaced, made.by)
            for picture in pictures
            for text in self.corpus.pictures[picture]
            for made in self._of(picture, text, pools.get(normalised(text), []), said.get(text, []))
        ]
        return polars.DataFrame(rows, schema=dict(COLUMNS), orient="row")

    def _said(self, texts: Sequence[str]) -> dict[str, list[str]]:
        if self.translator is None or not self.wanted["positive"]:
            return {}
        said = self.translator.paraphrase(texts)
        if len(said) != len(texts):
            raise RecipeError(f"translator {self.translator.name}: {len(said)} answers to {len(texts)} texts")
        return dict(zip(texts, said, strict=True))

    def _of(self, picture: str, text: str, pool: Sequence[str], said: Sequence[str]) -> list[Rewrite]:
        own = self.corpus.pictures[picture]
        taken = {normalised(one) for one in own}
        positives = [Rewrite(one, "positive", by="caption") for one in own if one != text]
        if self.translator is not None:
            new = {normalised(one): one for one in said if one.strip() and normalised(one) not in taken}
            positives += [Rewrite(one, "positive", by=self.translator.name) for one in new.values()]
        sentences = [Rewrite(one, "sentence", by=min(self.corpus.homes[normalised(one)])) for one in pool]
        found = [*self._some(positives, "positive", picture, text), *self._some(sentences, "sentence", picture, text)]
        if self.exchanges is not None:
            stems = self.exchanges.stems(own)
            for level in KINDS:
                seed = (self.seed, level, picture, normalised(text))
                found += self.exchanges.rewrites(text, level, self.wanted[level], stems=stems, taken=taken, seed=seed)
        return found

    def _some(self, there: Sequence[Rewrite], level: Level, picture: str, text: str) -> list[Rewrite]:
        random = np.random.default_rng(seed_from(self.seed, level, picture, normalised(text)))
        return [there[place] for place in random.permutation(len(there))[: self.wanted[level]]]


def _wanted(per_level: Mapping[Level, int] | None) -> dict[Level, int]:
    wanted = dict(PER_LEVEL)
    for level, count in (per_level or {}).items():
        if level not in LEVELS:
            raise RecipeError(f"per_level: {level!r} is no level; {choices(str(level), LEVELS)}")
        if count < 0:
            raise RecipeError(f"per_level, {level}: expected a number from 0 up, found {count}")
        wanted[level] = count
    return wanted
