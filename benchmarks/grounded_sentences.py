"""Are sentences that were grounded in pictures better? Trains every arm over its seeds from the same start, measures, writes tables.

    python benchmarks/grounded_sentences.py --data DATA --runs runs/grounded --out docs/results

DATA is the folder of all data sets. Prepares one file of sentences, pre-trains a small text encoder on it, and from it (and, as a
second block for reference, from MiniLM) trains the arms below; writes grounded_sentences.json, of which grounded_tables.py makes the
page and the picture. All is taken up where it stopped. --blocks small restricts what is trained, and so does --only ARM,ARM, which
writes no tables, so that several can be at work on arms of their own; --only-tables trains nothing. A block that has no runs here
stays in the JSON as it is.
"""

from __future__ import annotations

import argparse
import bz2
import csv
import gzip
import json
import lzma
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from polysense.data.corpora.flickr8k import Flickr8k
from polysense.data.decontaminate import comparable, evaluation_sentences
from polysense.evaluation.geometry import Geometry
from polysense.evaluation.retrieval import Retrieval
from polysense.evaluation.sts import Sts
from polysense.evaluation.transfer import Transfer
from polysense.inference.predictor import Predictor
from polysense.recipe import load_recipe
from polysense.training.folder import finished
from polysense.training.run import train
from record import origin

SEEDS = (0, 1, 2)
RATES = {"small": 1e-4, "minilm": 3e-5}
"""What the arms start from, and the learning rate of theirs."""
BLOCKS = tuple(RATES)
SETS = ("flickr8k", "sts_b", "sts_senteval", "sick2014", "senteval_transfer", "mvsa_single")
PRETRAINING, CONTRAST = 200_000, 20_000
"""Sentences that the small encoder reads once, and those of them that the contrast does."""

BATCH = 64
"""Rows a step, as the recipes have it."""

TWEETS = (
    "corpora.1={class_path: Captions, init_args: {path: mvsa_single/mvsa_single.csv, media: images, "
    "exclude: [sts_senteval, sts_b, sick2014]}}"
)
AWARE = "objectives.grounding.objective.noise_aware=1.0"
SHUFFLED = ("corpora.1.images=shuffled",)
HALF = (*SHUFFLED, "corpora.1.shuffled_share=0.5")
FEW = ("corpora.1.pairs=2000", "mixture={class_path: Ratio, init_args: {shares: [7, 3]}}")
"""A third of the pictures, each of which is seen four times: a pair is weighed from its second visit on."""

AS_MANY = ("mixture={class_path: Ratio, init_args: {shares: [2, 1]}}", "training.max_steps=407")
"""As many steps of sentences and of captions as the arms with one caption a picture take."""

ARMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "simcse": ("mcse/simcse_stsb", ()),
    "captions_as_text": ("mcse/captions_as_text", ()),
    "mcse": ("mcse/mcse", ()),
    "mcse_shuffled": ("mcse/mcse", SHUFFLED),
    "mcse_random": ("mcse/mcse", ("corpora.1.images=random",)),
    "mcse_both_ways": ("mcse/mcse", ("objectives.grounding.objective.directions=both",)),
    "mcse_all_captions": ("mcse/all_captions", AS_MANY),
    "mcse_not_decontaminated": ("mcse/mcse", ("corpora.1.exclude=[]",)),
    "captions_as_text_not_decontaminated": ("mcse/captions_as_text", ("corpora.1.exclude=[]",)),
    "few_as_text": ("mcse/captions_as_text", FEW),
    "few": ("mcse/mcse", FEW),
    "few_aware": ("mcse/mcse", (*FEW, AWARE)),
    "few_half_shuffled": ("mcse/mcse", (*FEW, *HALF)),
    "few_half_shuffled_aware": ("mcse/mcse", (*FEW, *HALF, AWARE)),
    "few_shuffled": ("mcse/mcse", (*FEW, *SHUFFLED)),
    "few_shuffled_aware": ("mcse/mcse", (*FEW, *SHUFFLED, AWARE)),
    "tweets_as_text": ("mcse/captions_as_text", (TWEETS, *FEW)),
    "tweets": ("mcse/mcse", (TWEETS, *FEW)),
    "tweets_aware": ("mcse/mcse", (TWEETS, *FEW, AWARE)),
}
"""Each arm's recipe, and what differs from it."""

MAIN = ("start", "simcse", "captions_as_text", "mcse", "mcse_shuffled")
"""The arms that are trained from MiniLM too, for reference."""

PROBED = ("simcse", "captions_as_text", "mcse")
"""The arms, from the small encoder, that are probed on transfer tasks, as the starts are."""

COMPARED = (
    ("start", "simcse"),
    ("simcse", "captions_as_text"),
    ("captions_as_text", "mcse"),
    ("mcse_shuffled", "mcse"),
    ("captions_as_text", "mcse_shuffled"),
    ("mcse_random", "mcse"),
    ("mcse", "mcse_both_ways"),
    ("mcse", "mcse_all_captions"),
    ("captions_as_text_not_decontaminated", "mcse_not_decontaminated"),
    ("mcse", "mcse_not_decontaminated"),
    ("few_as_text", "few"),
    ("few_as_text", "few_half_shuffled"),
    ("few_as_text", "few_shuffled"),
    ("few", "few_aware"),
    ("few_half_shuffled", "few_half_shuffled_aware"),
    ("few_shuffled", "few_shuffled_aware"),
    ("tweets_as_text", "tweets"),
    ("tweets", "tweets_aware"),
)
"""Pairs of arms, of which the second is held against the first on the same pairs of sentences."""

ONCE = ("training.num_train_epochs=1",)

WEIGHTS = (0.01, 0.1, 1.0)
"""Of the grounding; chosen on STS-B dev with seed 0."""


def sentences(data: Path) -> Iterator[str]:
    """The plain sentences of the data sets, 4 to 60 words each."""
    wiki = data / "wiki_sentences"
    raw: list[str] = [
        line.partition("\t")[2] for line in (wiki / "eng_wikipedia_2016_10K-sentences.txt").read_text("utf-8").split("\n")
    ]
    raw += [line.partition("\t")[2] for line in _unpacked(wiki / "enwiki_sentences.tsv.gz")[1:]]
    for name in ("brown", "masc"):
        rows = csv.DictReader(_unpacked(data / f"nltk_corpora/{name}.tsv.gz"), delimiter="\t", quoting=csv.QUOTE_NONE)
        raw += [str(row["tokens"]) for row in rows]
    for name in ("abc_rural", "abc_science"):
        raw += [one for line in _unpacked(data / f"nltk_corpora/{name}.txt.gz") for one in _split(line)]
    with lzma.open(data / "imdb" / "train.jsonl.xz", "rt", encoding="utf-8") as reviews:
        raw += [one for review in reviews for one in _split(json.loads(review)["text"].replace("<br />", " "))]
    for sentence in raw:
        words = sentence.split()
        if 4 <= len(words) <= 60:
            yield " ".join(words)


def _unpacked(file: Path) -> list[str]:
    opener: Any = bz2.open if file.suffix == ".bz2" else gzip.open
    with opener(file, "rt", encoding="utf-8", newline="\n") as opened:
        return list(opened.read().split("\n"))


def _split(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+(?=[\"'A-Z0-9])", text.strip())


def prepare(data: Path, root: Path) -> dict[str, int]:
    """One data folder for all arms: links to the sets, ``pretraining.txt`` and ``sentences.txt``, its first part."""
    counts = root / "counts.json"
    if counts.is_file():
        found: dict[str, int] = json.loads(counts.read_text())
        return found
    root.mkdir(parents=True, exist_ok=True)
    for name in SETS:
        if not (root / name).exists():
            (root / name).symlink_to((data / name).resolve(), target_is_directory=True)
    every = list(dict.fromkeys(sentences(data)))
    banned = evaluation_sentences(data)
    clean = [sentence for sentence in every if comparable(sentence) not in banned]
    random.Random(0).shuffle(clean)
    for file, limit in (("pretraining.txt", PRETRAINING), ("sentences.txt", CONTRAST)):
        (root / file).write_text("\n".join(clean[:limit]) + "\n", encoding="utf-8")
    found = {"different sentences": len(every), "of evaluation sets, left out": len(every) - len(clean)}
    counts.write_text(json.dumps(found))
    return found


def start_of(block: str, root: Path, runs: Path) -> Path | str:
    """The encoder that the arms of a block start from: the small one, pre-trained here, or MiniLM."""
    if block == "minilm":
        return "minilm"
    small = runs / "small_mlm"
    if not (small / "run.json").is_file():
        train("text/small_mlm", root / "pretraining.txt", out=small, seeds=[0], overrides=ONCE, resume=True)
    return small / "seed-0"


POOLED = "encoders.text.pooling=mean"
"""The papers' first state is of use in an encoder that was pre-trained to say something with it; neither of the starts was."""


def from_start(start: Path | str, block: str) -> list[str]:
    """How an arm's recipe begins at a start: the small encoder needs larger steps."""
    return [f"encoders.text.pretrained={start}", f"training.learning_rate={RATES[block]}", POOLED, *ONCE]


def tried_weights(block: str, start: Path | str, root: Path, runs: Path) -> dict[float, float]:
    """Weights of the grounding, with the STS-B dev of seed 0."""
    scores = {}
    for weight in WEIGHTS:
        folder = runs / block / f"weight_{weight}"
        settings = [*from_start(start, block), f"objectives.grounding.weight={weight}"]
        summary = train("mcse/mcse", root, out=folder, seeds=[0], overrides=settings, resume=True)
        scores[weight] = summary["per_seed"][0]["validation"]["STS-B dev"]
    return scores


def train_arms(root: Path, runs: Path, only: Sequence[str], blocks: Sequence[str]) -> None:
    """Train what is wanted, and measure each arm when it is done."""
    for block in blocks:
        start = start_of(block, root, runs)
        measured(runs / block / "start", {"as the arms pool": partial(untrained, start)}, root, probe=True)
        tried = tried_weights(block, start, root, runs)
        weight = max(tried, key=lambda one: tried[one])
        (runs / block / "weight.json").write_text(json.dumps(weight))
        for name, (recipe, changes) in ARMS.items():
            if (only and name not in only) or (block == "minilm" and name not in MAIN):
                continue
            settings = [*from_start(start, block), *changes]
            if "grounding" in load_recipe(recipe).objectives:
                settings.append(f"objectives.grounding.weight={weight}")
            folder = runs / block / name
            train(recipe, root, out=folder, seeds=SEEDS, overrides=settings, resume=True)
            seeds = {f"seed-{seed}": partial(Predictor.from_pretrained, folder / f"seed-{seed}") for seed in SEEDS}
            measured(folder, seeds, root, probe=name in PROBED and block == "small")


def untrained(start: Path | str) -> Predictor:
    """The start as the arms see it: the same pooling and length, not trained any further."""
    recipe = load_recipe("mcse/simcse", [f"encoders.text.pretrained={start}", POOLED])
    return Predictor(recipe, recipe.build(seed=0), source=str(start))


def measured(folder: Path, models: Mapping[str, Callable[[], Predictor]], root: Path, *, probe: bool) -> None:
    """The metrics of each model; kept in ``scores.json``, a model at a time."""
    file = folder / "scores.json"
    folder.mkdir(parents=True, exist_ok=True)
    kept: dict[str, dict[str, float]] = json.loads(file.read_text()) if file.is_file() else {}
    for model, load_it in models.items():
        if model in kept:
            continue
        predictor = load_it()
        metrics: dict[str, float] = {}
        for evaluator in (Sts(details=True), Geometry(), Retrieval(), *([Transfer()] if probe else [])):
            table = evaluator.read(root)
            assert table is not None
            metrics |= predictor.measure(table.samples, evaluators=[evaluator])
        kept[model] = metrics
        file.write_text(json.dumps(kept, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/grounded"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--only", default="")
    parser.add_argument("--blocks", default=",".join(BLOCKS))
    parser.add_argument("--only-tables", action="store_true")
    options = parser.parse_args()
    root = options.runs / "data"
    counts = prepare(options.data, root)
    if not options.only_tables:
        only = [name for name in options.only.split(",") if name]
        train_arms(root.resolve(), options.runs, only, options.blocks.split(","))
        if only:
            return
    file = options.out / "grounded_sentences.json"
    blocks = json.loads(file.read_text("utf-8"))["blocks"] if file.is_file() else {}
    for block in BLOCKS:
        if (options.runs / block / "weight.json").is_file():
            blocks[block] = collected(block, options.runs, root.resolve())
    result = {
        "blocks": blocks,
        "sentences": counts | {"pre-training": PRETRAINING, "contrast": CONTRAST} | captions_left_out(options.runs),
        "closeness": closeness(root),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def collected(block: str, runs: Path, root: Path) -> dict[str, Any]:
    """Mean and spread over seeds of every metric of every arm that is finished, the values of the seeds, and what differs."""
    arms = {}
    for file in sorted((runs / block).glob("*/scores.json")):
        seeds: list[Mapping[str, float]] = list(json.loads(file.read_text()).values())
        if len(seeds) < (len(SEEDS) if file.parent.name in ARMS else 1):
            continue
        names = [name for name in seeds[0] if all(name in seed for seed in seeds)]
        arms[file.parent.name] = {
            name: {
                "mean": mean(seed[name] for seed in seeds),
                "std": stdev([seed[name] for seed in seeds]) if len(seeds) > 1 else 0.0,
                "seeds": [seed[name] for seed in seeds],
            }
            for name in names
        }
    pairs = [pair for pair in COMPARED if set(pair) <= set(arms)]
    return {
        "grounding_weight": json.loads((runs / block / "weight.json").read_text()),
        "weights_tried": {
            str(weight): finished(runs / block / f"weight_{weight}")["per_seed"][0]["validation"]["STS-B dev"]
            for weight in WEIGHTS
        },
        "learning_rate": RATES[block],
        "seeds": list(SEEDS),
        "turns": {name: turns(name, runs / block / name) for name in ARMS if name in arms},
        "arms": arms,
        "differences": differences(runs / block, start_of(block, root, runs), pairs, root),
        **origin(),
    }


def turns(arm: str, run: Path) -> dict[str, float]:
    """How many steps of an arm are of sentences and of captions, and how often each of its captions is read."""
    recipe = load_recipe(ARMS[arm][0], ARMS[arm][1])
    captions = json.loads((run / "data.json").read_text("utf-8"))["drawn"] - CONTRAST
    batches = [-(-rows // BATCH) for rows in (CONTRAST, captions)]
    if not captions:
        return {"sentences": batches[0], "captions": 0, "visits": 0.0}
    every = recipe.mixture.build().steps(batches)
    steps = Counter(every[: recipe.training.get("max_steps", len(every))])
    return {"sentences": steps[0], "captions": steps[1], "visits": round(steps[1] / batches[1], 2)}


def captions_left_out(runs: Path) -> dict[str, int]:
    """How many training captions stand in the evaluation sets, as the arms noted it."""
    file = next(runs.glob("*/mcse/data.json"))
    noted: dict[str, int] = json.loads(file.read_text("utf-8"))["left_out"]
    return {
        "captions of evaluation sets, left out": sum(count for what, count in noted.items() if what.startswith("flickr8k")),
    }


def differences(folder: Path, start: Path | str, pairs: Sequence[tuple[str, str]], root: Path) -> dict[str, Any]:
    """``other - base`` on each set of STS, with its interval over seeds and pairs of sentences; kept, for it takes a while."""
    file = folder / "differences.json"
    kept: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    evaluator = Sts()
    table = evaluator.read(root)
    assert table is not None

    @cache
    def outcomes(arm: str) -> list[Any]:
        if arm == "start":
            return [untrained(start).outcomes(table.samples, evaluator)] * len(SEEDS)
        models = [Predictor.from_pretrained(folder / arm / f"seed-{seed}") for seed in SEEDS]
        return [model.outcomes(table.samples, evaluator) for model in models]

    for base, other in pairs:
        if f"{other} - {base}" in kept:
            continue
        found = evaluator.differences(outcomes(base), outcomes(other), resamples=2000, seed=0)
        kept[f"{other} - {base}"] = {
            name: {
                "difference": one.difference,
                "low": one.low,
                "high": one.high,
                "p_value": one.p_value,
                "pairs": pairs_of_set,
            }
            for name, (one, pairs_of_set) in found.items()
        }
        file.write_text(json.dumps(kept, indent=1))
    return kept


def closeness(root: Path) -> dict[str, float]:
    """How close each set or subset of STS lies to the captions: the mean cosine of its sentences to their nearest one, by MiniLM."""
    file = root / "closeness.json"
    if file.is_file():
        found: dict[str, float] = json.loads(file.read_text())
        return found
    captions = [
        sample.text or "" for sample in Flickr8k(exclude=["sts_senteval", "sts_b", "sick2014"]).read(root).split("train")
    ]
    table = Sts().read(root)
    assert table is not None
    sets: dict[str, dict[str, None]] = {}
    for sample in table.samples:
        subset = sample.extra.get("subset")
        name = sample.extra["task"] + (f"/{subset}" if subset else "")
        sets.setdefault(name, {}).update(dict.fromkeys(text for text in (sample.text, sample.pair) if text))
    judge = Predictor.from_pretrained("minilm")
    near = judge.encode(list(dict.fromkeys(captions)), normalize=True).T
    found = {name: float((judge.encode(list(texts), normalize=True) @ near).max(axis=1).mean()) for name, texts in sets.items()}
    file.write_text(json.dumps(found, indent=1))
    return found


if __name__ == "__main__":
    main()
