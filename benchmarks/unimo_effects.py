"""What does each part of UNIMO's pre-training add? Pre-trains every arm from one small text start, measures, writes tables.

    python benchmarks/unimo_effects.py --data DATA --start runs/grounded/small_mlm/seed-0 --runs runs/unimo --out docs/results

DATA is the folder of all data sets; the start is the small encoder that benchmarks/grounded_sentences.py makes. Pairs: Flickr8k. Free
texts: captions of Multi30k whose pictures are not among Flickr8k's, and sentences of Wikipedia. Free pictures: those of MVSA. Makes the
tables of rewrites and neighbours, pre-trains the arms, asks each for retrieval, for own captions against rewritten ones and for the
surprise at held-out captions, fine-tunes some for captions, similarity and retrieval. All is taken up where it stopped. --only ARM,ARM
restricts what is trained; --only-tables trains nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student_t
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from polysense.data.cache import FeatureCache
from polysense.data.corpora.flickr8k import Flickr8k
from polysense.data.corpora.pictures import Pictures
from polysense.data.decontaminate import comparable, evaluation_sentences
from polysense.encoders.vision_image import VisionImage
from polysense.evaluation.evaluator import Evaluator
from polysense.evaluation.losses import Losses
from polysense.evaluation.perplexity import Perplexity
from polysense.evaluation.retrieval import Retrieval
from polysense.evaluation.rewritten import Rewritten
from polysense.inference.predictor import Predictor
from polysense.knowledge.retrieval import image_neighbours, text_neighbours
from polysense.knowledge.rewriting import Caption, Rewrites, rewrite, text_only_control
from polysense.knowledge.rewriting.control import control_record
from polysense.metrics.retrieval import recalls
from polysense.training.run import train
from polysense.types import Sample
from record import commit, difference, origin, plus_minus, spread, table, write

SEEDS = (0, 1, 2)
BANNED = ("sts_senteval", "sts_b", "sick2014")
"""Sets whose sentences no arm learns from: captions of Flickr8k stand in them."""
PAIRS = "{class_path: Flickr8k, init_args: {captions_per_image: 1, resample: every_epoch, exclude: [sts_senteval, sts_b, sick2014]%s}}"
TEXTS, PICTURES = (
    "{class_path: Sentences, init_args: {path: free.txt}}",
    "{class_path: Pictures, init_args: {path: mvsa_single/images}}",
)
BOTH = ", rewrites: tables/rewrites, neighbours: tables/neighbours"
THREE, TWO = (
    "mixture={class_path: Ratio, init_args: {shares: [2, 1, 1]}}",
    "mixture={class_path: Ratio, init_args: {shares: [2, 1]}}",
)
"""Of pairs as of all else together, so that all arms take as many steps with pairs."""


def corpora(companions: str, *others: str) -> str:
    """The recipe's corpora: the pairs and some free texts or pictures."""
    return f"corpora=[{', '.join([PAIRS % companions, *others])}]"


ARMS: dict[str, tuple[Sequence[int], tuple[str, ...]]] = {
    "full": (SEEDS, (corpora(BOTH, TEXTS, PICTURES), THREE)),
    "no_rewriting": (SEEDS, (corpora(", neighbours: tables/neighbours", TEXTS, PICTURES), THREE)),
    "no_retrieval": (SEEDS, (corpora(", rewrites: tables/rewrites", TEXTS, PICTURES), THREE)),
    "no_companions": (SEEDS, (corpora("", TEXTS, PICTURES), THREE)),
    "no_contrast": (SEEDS, (corpora("", TEXTS, PICTURES), THREE, "objectives.contrast=null")),
    "one_softmax": ((0,), (corpora(BOTH, TEXTS, PICTURES), THREE, "objectives.contrast.objective.softmax=one")),
    "no_text": ((0,), (corpora(BOTH, PICTURES), TWO)),
    "no_pictures": ((0,), (corpora(BOTH, TEXTS), TWO)),
    "text_only": (
        SEEDS,
        (corpora("", TEXTS), TWO, "encoders.image=null", "objectives.contrast=null", "objectives.regions=null"),
    ),
}
"""Each arm's seeds, and what of the recipe unimo/pretrain_pairs it differs in."""

SMALL = (
    "encoders.text.max_length=40",
    "training.num_train_epochs=3",
    "training.learning_rate=3e-4",
    "evaluation.evaluators=[Losses]",
    "evaluation.best=last",
    "evaluation.patience=null",
)
CELLS = "encoders.image.cells=3"
"""Nine regions a picture, of the 49 that the network gives: a laptop's share."""

COMPARED = (
    ("no_rewriting", "full"),
    ("no_retrieval", "full"),
    ("no_companions", "no_retrieval"),
    ("no_companions", "no_rewriting"),
    ("one_softmax", "full"),
    ("no_text", "full"),
    ("no_pictures", "full"),
)

SURPRISED = (("text_only", "no_contrast"), ("no_contrast", "no_companions"), ("no_contrast", "full"), *COMPARED)
"""Pairs of arms whose perplexities are held against each other, seed by seed: each seed hides other words."""

ASKED = {
    "hidden words": "captions: perplexity",
    "with the picture": "captions with pictures: perplexity",
    "fragments": "fragments: writing_perplexity",
}
"""The perplexities by the column of the page."""

TUNED: dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    "caption": (
        "unimo/caption",
        "bleu_4,rouge_l,cider",
        ("full", "no_text", "no_pictures", "no_contrast"),
        (CELLS, "encoders.text.max_length=40", "training.num_train_epochs=3", "evaluation.patience=null"),
    ),
    "sts": (
        "unimo/sts",
        "pearson,spearman",
        ("start", "text_only", "full"),
        ("training.num_train_epochs=3", "training.learning_rate=1e-4", "encoders.text.max_length=64"),
    ),
    "retrieval": (
        "unimo/pretrain_pairs",
        "text_to_image_R@1,text_to_image_R@10,image_to_text_R@1,image_to_text_R@10",
        ("start", "no_contrast", "full"),
        (CELLS, *SMALL[:1], "training.num_train_epochs=1", "training.learning_rate=3e-4", "evaluation.patience=null",
         "evaluation.evaluators=[Retrieval]", "objectives.regions=null", "objectives.language=null", "objectives.writing=null",
         corpora("")),
    ),
}  # fmt: skip
"""Each task's recipe, its metrics, the arms that it is learned from, and what differs from the recipe, for every arm alike."""


def prepare(data: Path, root: Path) -> dict[str, Any]:
    """One folder for all arms: links to the sets, ``free.txt``, and the tables of rewrites and neighbours."""
    record = root / "prepared.json"
    if record.is_file():
        found: dict[str, Any] = json.loads(record.read_text())
        return found
    root.mkdir(parents=True, exist_ok=True)
    for name in ("flickr8k", "mvsa_single", *BANNED):
        if not (root / name).exists():
            (root / name).symlink_to((data / name).resolve(), target_is_directory=True)
    table = Flickr8k(captions_per_image=None, exclude=list(BANNED)).read(root)
    rows = {split: [sample for sample in table.samples if sample.split == split] for split in ("train", "test")}
    known = {str(sample.group).partition("_")[0] for sample in table.samples}
    banned = evaluation_sentences(data, BANNED)
    near = [text for name, text in multi30k(data) if name.partition(".")[0] not in known and comparable(text) not in banned]
    wiki = (data / "wiki_sentences/eng_wikipedia_2016_10K-sentences.txt").read_text("utf-8").split("\n")
    read = [line.partition("\t")[2] for line in wiki if line]
    free = [*near, *(text for text in read if comparable(text) not in banned)]
    random.Random(0).shuffle(free)
    (root / "free.txt").write_text("\n".join(free) + "\n", encoding="utf-8")
    tables = root / "tables"
    controls = {}
    for split, folder in (("train", "rewrites"), ("test", "rewrites_test")):
        made = rewrite([Caption.of(sample) for sample in rows[split]], folder=tables / folder)
        controls[split] = {"counts": made.counts, "control": made.record.get("control")}
    text_neighbours([sample.text or "" for sample in rows["train"]], near, folder=tables / "neighbours")
    home = root / "mvsa_single/images"
    unpaired = pooled(Pictures().read(home).samples)
    image_neighbours(
        pooled({sample.group: sample for sample in rows["train"]}.values()),
        unpaired,
        folder=tables / "neighbours",
        pictures=str(home),
    )
    found = {
        "captions left out": dict(table.left_out),
        "free texts": len(free),
        "of them captions": len(near),
        "free pictures": len(unpaired),
        "rewrites": controls,
    }
    record.write_text(json.dumps(found, indent=1))
    return found


def multi30k(data: Path) -> list[tuple[str, str]]:
    """The picture and one of its captions, the third longest, of every row."""
    lines = []
    for name in ("train_images", "train.3.en"):
        file = next((data / "multi30k_en").glob(f"{name}*.gz"))
        with gzip.open(file, "rt", encoding="utf-8") as opened:
            lines.append(opened.read().rstrip("\n").split("\n"))
    return list(zip(*lines, strict=True))


def pooled(samples: Any) -> dict[str, np.ndarray]:
    """The vector of each picture by the frozen encoder, by the name that it has in the table."""
    rows = list(samples)
    encoder = VisionImage(tokens="pooled").eval()
    cached = FeatureCache(encoder)
    cached.fill(rows)
    return {str(row.group): cached.prepare([row])["summary"][0].numpy() for row in rows}


def pre_train(arm: str, start: Path, root: Path, runs: Path) -> None:
    """The arm's runs over its seeds."""
    seeds, changes = ARMS[arm]
    cells = () if arm == "text_only" else (CELLS,)
    settings = [f"encoders.text.pretrained={start}", *cells, *SMALL, *changes]
    train("unimo/pretrain_pairs", root, out=runs / arm, seeds=seeds, overrides=settings, resume=True)
    by = runs / arm / "commit.txt"
    if not by.is_file():
        by.write_text(commit())


def probes(root: Path) -> dict[str, tuple[Evaluator, Sequence[Sample]]]:
    """What every arm is asked: retrieval about all captions of the test pictures, the rest about the first one of each."""
    table = Flickr8k().read(root)
    test = [sample for sample in table.samples if sample.split == "test"]
    first = list({sample.group: sample for sample in reversed(test)}.values())[::-1]
    alone = [replace(sample, image=None) for sample in first]
    return {
        "retrieval": (Retrieval(), test),
        "rewritten": (Rewritten(str(root / "tables/rewrites_test"), per_level=1), first),
        "captions": (Losses(), alone),
        "captions with pictures": (Losses(), first),
        "fragments": (Perplexity(), alone),
    }


def probe(arm: str, root: Path, runs: Path) -> None:
    """The metrics of each seed; kept in ``probes.json``, a probe at a time."""
    file = runs / arm / "probes.json"
    kept: dict[str, dict[str, dict[str, float]]] = json.loads(file.read_text()) if file.is_file() else {}
    for seed in ARMS[arm][0]:
        own = kept.setdefault(f"seed-{seed}", {})
        model: Callable[[], Predictor] = cache(partial(Predictor.from_pretrained, runs / arm / f"seed-{seed}"))
        for name, (evaluator, samples) in probes(root).items():
            if name not in own:
                own[name] = model().measure(samples, evaluators=[evaluator])
                file.write_text(json.dumps(kept, indent=1))


def tune(task: str, arm: str, start: Path, root: Path, runs: Path) -> None:
    """A task learned from each seed of an arm, or from the start."""
    recipe, _, _, changes = TUNED[task]
    seeds = SEEDS if arm == "start" else ARMS[arm][0]
    for seed in seeds if task != "caption" else seeds[:1]:
        begin = f"encoders.text.pretrained={start}" if arm == "start" else f"start={runs / arm / f'seed-{seed}'}"
        train(recipe, root, out=runs / "tasks" / task / f"{arm}-{seed}", seeds=[seed], overrides=[begin, *changes], resume=True)


def baselines(root: Path) -> dict[str, dict[str, float]]:
    """Chance, and a linear map (ridge) from the captions' TF-IDF to the pictures' vectors, its strength chosen on the dev part."""
    table = Flickr8k(captions_per_image=None).read(root)
    rows = {name: [one for one in table.samples if one.split == name] for name in ("train", "validation", "test")}
    vectors = pooled({sample.group: sample for sample in table.samples}.values())
    words = TfidfVectorizer(min_df=3, sublinear_tf=True).fit([sample.text or "" for sample in rows["train"]])

    def asked(model: Ridge, split: str) -> dict[str, float]:
        names = sorted({str(sample.group) for sample in rows[split]})
        place = {name: number for number, name in enumerate(names)}
        found = model.predict(words.transform([sample.text or "" for sample in rows[split]]))
        items = np.stack([vectors[name] for name in names])
        centre = np.mean(list(vectors.values()), axis=0)
        found, items = found - centre, items - centre
        scores = found @ items.T / np.linalg.norm(items, axis=1) / np.linalg.norm(found, axis=1, keepdims=True)
        right = np.array([place[str(sample.group)] for sample in rows[split]])
        own = scores[np.arange(len(right)), right]
        by_text = (scores >= own[:, None]).sum(axis=1)
        best = np.full(len(names), -np.inf)
        np.maximum.at(best, right, own)
        others = best[:, None] <= scores.T
        others[right, np.arange(len(right))] = False
        return recalls(by_text, prefix="text_to_image_") | recalls(others.sum(axis=1) + 1, prefix="image_to_text_")

    chosen: tuple[float, Ridge] | None = None
    texts = words.transform([sample.text or "" for sample in rows["train"]])
    targets = np.stack([vectors[str(sample.group)] for sample in rows["train"]])
    for strength in (0.3, 1.0, 3.0, 10.0):
        model = Ridge(alpha=strength, solver="sparse_cg").fit(texts, targets)
        score = asked(model, "validation")["text_to_image_R@10"]
        if chosen is None or score > chosen[0]:
            chosen = score, model
    assert chosen is not None
    pictures, captions = 1000, 5
    chance = {f"text_to_image_R@{k}": k / pictures for k in (1, 5, 10)}
    none = {
        k: np.prod([(pictures * captions - captions - n) / (pictures * captions - n) for n in range(k)]) for k in (1, 5, 10)
    }
    return {
        "chance": chance | {f"image_to_text_R@{k}": 1 - float(none[k]) for k in none},
        "linear map": asked(chosen[1], "test"),
    }


def collected(root: Path, runs: Path) -> dict[str, Any]:
    """Mean and spread over seeds of every number of every arm that is finished, and what differs."""
    arms: dict[str, Any] = {}
    for arm in ARMS:
        file = runs / arm / "probes.json"
        if not file.is_file():
            continue
        seeds = [
            {f"{name}: {key}": one for name, found in seed.items() for key, one in found.items()}
            for seed in json.loads(file.read_text()).values()
        ]
        arms[arm] = {name: spread([seed[name] for seed in seeds]) for name in seeds[0]}
    tasks: dict[str, Any] = {}
    for task, (_, metrics, which, _) in TUNED.items():
        for arm in which:
            files = sorted((runs / "tasks" / task).glob(f"{arm}-*/run.json"))
            results = [json.loads(file.read_text())["per_seed"][0]["test"] for file in files]
            if results:
                tasks.setdefault(task, {})[arm] = {
                    name: spread([result[name] for result in results]) for name in metrics.split(",") if name in results[0]
                }
    return {
        "commits": {arm: (runs / arm / "commit.txt").read_text() for arm in arms},
        "arms": arms,
        "tasks": tasks,
        "surprises": surprises(arms),
        "control": control(root, runs),
        "differences": differences(root, runs),
        "baselines": kept_baselines(root, runs),
    }


def surprises(arms: Mapping[str, Any]) -> dict[str, Any]:
    """``other / base - 1`` of the perplexities over the seeds that both have, with the t interval of its logarithm."""
    found: dict[str, Any] = {}
    for base, other in SURPRISED:
        for name in ASKED.values() if base in arms and other in arms else ():
            pairs = zip(arms[base][name]["seeds"], arms[other][name]["seeds"], strict=False)
            logs = np.log([theirs / own for own, theirs in pairs])
            half = 0.0 if len(logs) == 1 else float(student_t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / len(logs) ** 0.5)
            low, mean, high = (float(np.expm1(logs.mean() + step)) for step in (-half, 0.0, half))
            found.setdefault(f"{other} / {base}", {"seeds": len(logs)})[name] = {"difference": mean, "low": low, "high": high}
    return found


def kept_baselines(root: Path, runs: Path) -> dict[str, Any]:
    file = runs / "baselines.json"
    if not file.is_file():
        file.write_text(json.dumps(baselines(root), indent=1))
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def differences(root: Path, runs: Path) -> dict[str, Any]:
    """``other - base`` of the recalls, with intervals over seeds and test pictures; kept, for it takes a while."""
    file = runs / "differences.json"
    kept: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    evaluator = Retrieval()

    @cache
    def outcomes(arm: str, seeds: int) -> list[Any]:
        rows = probes(root)["retrieval"][1]
        models = [Predictor.from_pretrained(runs / arm / f"seed-{seed}") for seed in range(seeds)]
        return [model.outcomes(rows, evaluator) for model in models]

    for base, other in COMPARED:
        seeds = min(len(ARMS[base][0]), len(ARMS[other][0]))
        there = all(
            (runs / arm / f"seed-{seed}" / "metrics.json").is_file() or (runs / arm / "run.json").is_file()
            for arm in (base, other)
            for seed in range(seeds)
        )
        if f"{other} - {base}" in kept or not there:
            continue
        found = evaluator.differences(outcomes(base, seeds), outcomes(other, seeds), resamples=2000, seed=0)
        kept[f"{other} - {base}"] = {"seeds": seeds} | {
            name: {"difference": one.difference, "low": one.low, "high": one.high, "p_value": one.p_value}
            for name, (one, _) in found.items()
        }
        file.write_text(json.dumps(kept, indent=1))
    return kept


UNJUDGED = ("no_rewriting", "no_companions")
"""Arms whose contrast never read a picture with a text that is not its own: what they say of such pairs means nothing."""


def control(root: Path, runs: Path) -> dict[str, Any]:
    """How well a classifier of texts alone tells the rewritten test captions, which every share below is to be held against."""
    file = runs / "control.json"
    if not file.is_file():
        told = text_only_control(Rewrites.read(root / "tables/rewrites_test"))
        file.write_text(json.dumps(control_record(told), indent=1))
    found: dict[str, Any] = json.loads(file.read_text())
    return found


COMMAND = (
    "python benchmarks/unimo_effects.py --data DATA --start runs/grounded/small_mlm/seed-0 --runs runs/unimo --out docs/results"
)


def head(result: Mapping[str, Any]) -> list[str]:
    """What stands above the tables."""
    made = result["prepared"]
    single = ", ".join(arm for arm, (seeds, _) in ARMS.items() if len(seeds) == 1)
    return [
        "# What the parts of UNIMO's pre-training add",
        "",
        f"Command: `{COMMAND}`. Commit {', '.join(sorted(set(result['commits'].values())))}, {result['machine']}.",
        f"Pairs: Flickr8k. Free texts: {made['free texts']:,}, of them {made['of them captions']:,} captions of Multi30k whose",
        f"pictures are not Flickr8k's. Free pictures: {made['free pictures']:,} of MVSA. Sentences of STS and SICK are left out.",
        "Three epochs of the pairs, half of the steps, from one small start. Recalls and shares in points, mean ± standard",
        f"deviation over seeds 0, 1 and 2; of {single} seed 0 alone, so that their intervals",
        "are over pictures and not over seeds. Perplexities stand beside one another seed by seed, for each seed hides other words,",
        "with the t interval over three seeds, or none over one.",
        "Captions are written greedily, of seed 0. Joint shares are left out where no",
        "rewritten caption was read. A control below 50 says little: a",
        "word that was taken out more often in some folds was put in more often in the others.",
        "",
    ]


def markdown(result: Mapping[str, Any]) -> str:
    """The tables."""

    def cell(found: Mapping[str, Any] | None, scale: float = 100.0) -> str:
        return "" if found is None else plus_minus(found, times=scale, digits=1)

    recall = [f"{way}_R@{k}" for way in ("text_to_image", "image_to_text") for k in (1, 5, 10)]
    above = [f"above_{level}{kind}" for level in ("word", "phrase", "sentence") for kind in ("", "_towers")]
    arms = result["arms"]
    known = [[name, *(f"{100 * found[one]:.1f}" for one in recall)] for name, found in result["baselines"].items()]
    asked_pictures = {arm: found for arm, found in arms.items() if f"retrieval: {recall[0]}" in found}
    known += [[arm, *(cell(found[f"retrieval: {one}"]) for one in recall)] for arm, found in asked_pictures.items()]
    told = {arm: found for arm, found in arms.items() if any(f"rewritten: {one}" in found for one in above)}
    alone = result["control"]
    rewritten = [["text alone, the control", *(f"{100 * alone[one.split('_')[1]]['accuracy']:.1f}" for one in above)]]
    for arm, found in told.items():
        judged = [one for one in above if arm not in UNJUDGED or one.endswith("_towers")]
        rewritten.append([arm, *(cell(found.get(f"rewritten: {one}") if one in judged else None) for one in above)])
    lines = [*head(result), *table(["arm", *recall], known), ""]
    lines += table(["own caption above the rewritten", *above], rewritten)
    surprised = [[arm, *(cell(found.get(one), 1.0) for one in ASKED.values())] for arm, found in arms.items()]
    lines += ["", *table(["perplexity of test captions", *ASKED], surprised), ""]
    held = []
    for name, found in result["surprises"].items():
        several = found["seeds"] > 1
        cells = [found[one] for one in ASKED.values()]
        held.append(
            [name, *(difference(one, times=100, digits=1) if several else f"{100 * one['difference']:+.1f}" for one in cells)]
        )
    lines += table(["perplexity beside that of another arm (%)", *ASKED], held)
    for task, tuned in result["tasks"].items():
        names = list(next(iter(tuned.values())))
        scale = 100.0 if task == "retrieval" else 1.0
        cells = [[arm, *(cell(found.get(one), scale) for one in names)] for arm, found in tuned.items()]
        lines += ["", *table([f"{task}, fine-tuned from", *names], cells)]
    gains = [
        [name, *(difference(found[one], times=100, digits=1) for one in recall)]
        for name, found in result["differences"].items()
    ]
    lines += ["", *table(["difference (x 100)", *recall], gains)]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/unimo"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--only", default="")
    parser.add_argument("--only-tables", action="store_true")
    options = parser.parse_args()
    root, runs, start = (options.runs / "data").absolute(), options.runs.absolute(), options.start.absolute()
    prepared = prepare(options.data, root)
    if not options.only_tables:
        only = [name for name in options.only.split(",") if name]
        for arm in ARMS:
            if not only or arm in only:
                pre_train(arm, start, root, runs)
                probe(arm, root, runs)
        for task, (_, _, arms, _) in TUNED.items():
            for arm in arms:
                if not only or arm in only:
                    tune(task, arm, start, root, runs)
    result = collected(root, runs) | {
        "prepared": prepared,
        **origin(),
    }
    write(options.out, "unimo_effects", result, markdown(result))


if __name__ == "__main__":
    main()
