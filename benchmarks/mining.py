"""How well mined signs agree with a lexicon that gave no seeds, in Chinese with labels of reviews; and how fast mining is beside NLTK.

    python benchmarks/mining.py --data DATA --sizes 10000 100000 1000000 --out docs/results/mining.json

Prints what it measures and, with --out, writes JSON. ``--parts signs``, ``chinese`` or ``speed`` does one part. The speed
of each size is the median over --repeats; sizes above the number of sentences of the film reviews are made by reading them again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import os
import random
import statistics
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, cycle, islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from polysense.data.corpora.chn_senti_corp import ChnSentiCorp
from polysense.data.corpora.nlpcc14 import Nlpcc14
from polysense.data.markup import without_markup
from polysense.data.media import normalised
from polysense.knowledge import NEGATIVE, POSITIVE, Knowledge, Seeds
from polysense.knowledge.agreement import agreement, label_agreement
from polysense.knowledge.encoded import EncodedCorpus, encode
from polysense.knowledge.entries import Polarity
from polysense.knowledge.gaps import Gap, gap_between
from polysense.knowledge.mining import default_tagger, mine_encoded
from polysense.knowledge.settings import Settings

PARTS = ("signs", "chinese", "speed")

EVERY = 1_000_000
"""Words a side, so that none is cut off."""


def films(data: Path) -> Iterator[str]:
    """25,000 film reviews."""
    with lzma.open(data / "imdb/train.jsonl.xz", "rt", encoding="utf-8") as file:
        yield from (json.loads(line)["text"] for line in file)


def products(data: Path) -> Iterator[str]:
    """46 thousand pros and cons of products."""
    for name in ("pros", "cons"):
        with gzip.open(data / f"nltk_corpora/{name}.txt.gz", "rt", encoding="utf-8") as file:
            yield from file


def arms() -> dict[str, Settings]:
    """What is tried on each corpus."""
    usual = Settings(top=EVERY, pairs=False)
    plain = replace(usual, tags=None, patterns=None, function_words=True)
    seeds = usual.used_seeds
    return {
        "default": usual,
        "default, negated words left out": replace(usual, skip_negated=True),
        "default, function words too": replace(usual, function_words=True),
        "no filters": plain,
        "no filters, at least 50": replace(plain, min_count=50),
        "no filters, smoothing .01": replace(plain, smoothing=0.01),
        "no filters, whole texts": replace(plain, window="document"),
        "no filters, SKEP_46": replace(plain, seeds=Seeds.named("SKEP_46")),
        "no filters, TURNEY_LITTMAN_14": replace(plain, seeds=Seeds.named("TURNEY_LITTMAN_14")),
        "no filters, seeds exchanged": replace(plain, seeds=seeds.exchanged()),
    }


def signs(data: Path, processes: int) -> dict[str, Any]:
    """The agreement of every setting on every corpus, and of random seeds."""
    vader = Knowledge.from_lexicon(data / "lexicons_en/vader/vader_lexicon.txt")
    found: dict[str, Any] = {}
    for name, read in (("imdb train", films), ("pros and cons", products)):
        with TemporaryDirectory() as folder:
            corpus = encode(read(data), default_tagger("en"), "en", Path(folder), processes=processes)
            found[name] = {"texts": corpus.texts, "words": corpus.size}
            for label, settings in arms().items():
                found[name][label] = _signs(corpus, settings, vader)
                print(name, label, found[name][label], flush=True)
            found[name]["no filters, random seeds, 10 draws"] = _random_seeds(corpus, vader)
            print(name, found[name]["no filters, random seeds, 10 draws"], flush=True)
    return found


def _signs(corpus: EncodedCorpus, settings: Settings, judge: Knowledge) -> dict[str, Any]:
    knowledge = mine_encoded(corpus, settings)
    scores = agreement(knowledge, judge, unscored=knowledge.record["scored 0"])
    return {"windows": knowledge.record["corpus"]["windows"], **{key: _rounded(value) for key, value in scores.items()}}


def _random_seeds(corpus: EncodedCorpus, judge: Knowledge, draws: int = 10) -> dict[str, Any]:
    """Common words that the judge does not know, in the place of seeds."""
    plain = Settings(top=EVERY, pairs=False, tags=None, patterns=None, function_words=True)
    common = mine_encoded(corpus, replace(plain, min_count=50))
    ranked = sorted(word for word, known in common.words.items() if known.count <= 5000 and word not in judge.words)
    balanced = []
    for number in range(draws):
        drawn = random.Random(number).sample(ranked, 46)
        settings = replace(plain, seeds=Seeds(tuple(drawn[:23]), tuple(drawn[23:])))
        mined = mine_encoded(corpus, settings)
        balanced.append(agreement(mined, judge, unscored=mined.record["scored 0"])["balanced"])
    return {"balanced": _rounded(statistics.mean(balanced)), "from": _rounded(min(balanced)), "to": _rounded(max(balanced))}


def chinese(data: Path, processes: int) -> dict[str, Any]:
    """How often the sign of a review's summed words is its label, on reviews that nothing was mined from.

    No Chinese lexicon is there to judge by. What is mined from are the training texts, whose labels are not read.
    """
    found: dict[str, Any] = {}
    for name, table, judging in (
        ("chnsenticorp", ChnSentiCorp(leave_out_seen=True).read(data), "validation"),
        ("nlpcc14", Nlpcc14().read(data), "test"),
    ):
        read = {normalised(one.text or ""): one.text or "" for one in table.samples if one.split not in {"test", judging}}
        judged = [one for one in table.split(judging) if normalised(one.text or "") not in read]
        reviews = [(one.text or "", POSITIVE if one.label == "positive" else NEGATIVE) for one in judged]
        with TemporaryDirectory() as folder:
            corpus = encode(read.values(), default_tagger("zh"), "zh", Path(folder), processes=processes)
            found[name] = {"texts": corpus.texts, "words": corpus.size, "judged by": judging}
            for label, settings in chinese_arms().items():
                found[name][label] = _by_labels(mine_encoded(corpus, settings), reviews)
                print(name, label, found[name][label], flush=True)
            found[name]["random seeds, 10 draws"] = _random_chinese_seeds(corpus, reviews)
            print(name, found[name]["random seeds, 10 draws"], flush=True)
    return found


def chinese_arms() -> dict[str, Settings]:
    """What is tried on each Chinese corpus."""
    usual = Settings(language="zh", pairs=False)
    return {
        "default": usual,
        "default, negated words left out": replace(usual, skip_negated=True),
        "default, function words too": replace(usual, function_words=True),
        "no filters": replace(usual, tags=None, patterns=None, function_words=True),
        "sentences": replace(usual, window="sentence"),
        "seeds exchanged": replace(usual, seeds=usual.used_seeds.exchanged()),
    }


def _by_labels(knowledge: Knowledge, reviews: list[tuple[str, Polarity]]) -> dict[str, Any]:
    """With the seeds among the words, and without: seeds alone would agree too."""
    mined = Knowledge({word: entry for word, entry in knowledge.words.items() if not entry.seed}, language="zh")
    seeds = Knowledge({word: entry for word, entry in knowledge.words.items() if entry.seed}, language="zh")
    scores = {"all words": knowledge, "without seeds": mined, "seeds alone": seeds}
    return {
        "mined words": len(mined.words),
        **{
            name: {key: _rounded(value) for key, value in label_agreement(one, reviews).items()} for name, one in scores.items()
        },
    }


def _random_chinese_seeds(corpus: EncodedCorpus, reviews: list[tuple[str, Polarity]], draws: int = 10) -> dict[str, Any]:
    """Common words in the place of seeds."""
    usual = Settings(language="zh", pairs=False)
    common = mine_encoded(corpus, replace(usual, top=EVERY, tags=None, patterns=None, min_count=50))
    ranked = sorted(word for word, known in common.words.items() if known.count <= 2000 and not known.seed)
    found = []
    for number in range(draws):
        drawn = random.Random(number).sample(ranked, 28)
        knowledge = mine_encoded(corpus, replace(usual, seeds=Seeds(tuple(drawn[:14]), tuple(drawn[14:]))))
        found.append(label_agreement(knowledge, reviews)["accuracy"])
    return {"accuracy": _rounded(statistics.mean(found)), "from": _rounded(min(found)), "to": _rounded(max(found))}


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def speed(data: Path, sizes: list[int], processes: int, repeats: int) -> list[dict[str, Any]]:
    """Seconds of mining, of its counting alone, and of NLTK's finder, for each number of sentences."""
    found = []
    for size in sizes:
        sentences = list(islice(cycle(_sentences(data)), size))
        parts: dict[str, list[float]] = {}
        for _ in range(repeats):
            for name, seconds in _timed(sentences, processes).items():
                parts.setdefault(name, []).append(seconds)
        row = {"sentences": len(sentences)} | {name: round(statistics.median(times), 3) for name, times in parts.items()}
        print(row, flush=True)
        found.append(row)
    return found


def _sentences(data: Path) -> Iterator[str]:
    tagger = default_tagger("en", untagged=True)
    for text in map(without_markup, films(data)):
        tokens = tagger.tag(text)
        start = 0
        for one, other in pairwise(tokens):
            if gap_between(text, one.word, one.end, other.start, "en") is Gap.SENTENCE:
                yield text[start : other.start].strip()
                start = other.start
        yield text[start:].strip()


def _timed(sentences: list[str], processes: int) -> dict[str, float]:
    usual = Settings()
    plain = replace(usual, tags=None, patterns=None, pairs=False)
    times: dict[str, float] = {}
    for name, workers in (("tag, one process", 1), (f"tag, {processes} processes", processes)):
        with TemporaryDirectory() as folder:
            with _clock(times, name):
                corpus = encode(sentences, default_tagger("en"), "en", Path(folder), processes=workers)
            with _clock(times, "count, score and pair"):
                mine_encoded(corpus, usual)
            with _clock(times, "count and score alone"):
                mine_encoded(corpus, plain)
    with TemporaryDirectory() as folder, _clock(times, "cut into words alone"):
        encode(sentences, default_tagger("en", untagged=True), "en", Path(folder))
    with _clock(times, "nltk: cut into words"):
        words = _nltk_words(sentences)
    for width in (2, 5):
        with _clock(times, f"nltk: collocations, window {width}"):
            _nltk_collocations(words, width)
    return times


@contextmanager
def _clock(times: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    times[name] = time.perf_counter() - began


def _nltk_words(sentences: list[str]) -> list[str]:
    from nltk.tokenize import wordpunct_tokenize

    return list(chain.from_iterable(wordpunct_tokenize(sentence.lower()) for sentence in sentences))


def _nltk_collocations(words: list[str], width: int) -> int:
    from nltk.collocations import BigramAssocMeasures, BigramCollocationFinder

    finder = BigramCollocationFinder.from_words(words, window_size=width)
    finder.apply_freq_filter(5)
    return len(finder.score_ngrams(BigramAssocMeasures.pmi))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    result: dict[str, Any] = {}
    if options.out and options.out.is_file():
        result = json.loads(options.out.read_text(encoding="utf-8"))
    if "signs" in options.parts:
        result["signs"] = signs(options.data, options.processes)
    if "chinese" in options.parts:
        result["chinese"] = chinese(options.data, options.processes)
    if "speed" in options.parts:
        result["speed"] = speed(options.data, options.sizes, options.processes, options.repeats)
        result["load when it ended"] = os.getloadavg()[0]
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
