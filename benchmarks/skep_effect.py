"""Does sentiment knowledge make a better encoder? Pre-trains every arm from one start, fine-tunes it on each task, writes tables.

    python benchmarks/skep_effect.py --data DATA --start runs/grounded/small_mlm/seed-0 --runs runs/skep --out docs/results

DATA is the folder of all data sets; the start is the small encoder that benchmarks/grounded_sentences.py makes. Mines knowledge from
reviews without labels and without any test text, goes on training the start on them in four ways, fine-tunes each over the seeds,
and writes skep_effect.json and skep_effect.md. All is taken up where it stopped. --only ARM,ARM restricts what is trained;
--only-tables trains nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from polysense.data.decontaminate import comparable
from polysense.data.table import Table
from polysense.knowledge import NEGATIVE, POSITIVE, Knowledge, mine
from polysense.knowledge.agreement import label_agreement
from polysense.recipe import load_recipe
from polysense.training.comparison import compare_each
from polysense.training.run import read_data, train
from polysense.types import Sample
from record import difference, origin, plus_minus, spread, table, write

SEEDS = (0, 1, 2)
SENTENCES = 30_000
"""Of reviews, that every arm reads once."""

PRETRAINING = ("training.learning_rate=3e-4", "training.num_train_epochs=1", "encoders.text.max_length=64")
ARMS: dict[str, tuple[str, tuple[str, ...]] | None] = {
    "none": None,
    "random": ("skep/random_mask", ()),
    "sw": ("skep/pretrain", ("objectives.polarity=null", "objectives.pair=null")),
    "sw_wp": ("skep/pretrain", ("objectives.pair=null",)),
    "sw_wp_ap": ("skep/pretrain", ()),
}
"""Each arm's recipe of pre-training, and what differs from it; the first is the start itself."""

SST_LABELS = {500: 6, 5_000: 2, 20_000: 1}
"""Labelled rows of SST-2, and how often each is read."""

FINE_TUNING = ("training.learning_rate=2e-4", "training.per_device_train_batch_size=32", "encoders.text.max_length=96")
TASKS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    **{
        f"sst2_{labels}": ("skep/sst2", "accuracy", (f"training.num_train_epochs={epochs}",))
        for labels, epochs in SST_LABELS.items()
    },
    "laptop": ("skep/semeval14_laptop", "accuracy,macro_f1", ("training.num_train_epochs=4",)),
    "restaurant": ("skep/semeval14_restaurant", "accuracy,macro_f1", ("training.num_train_epochs=3",)),
    "mpqa": (
        "skep/mpqa",
        "binary_f1/holder,proportional_f1/holder,binary_f1/target,proportional_f1/target",
        ("training.num_train_epochs=3",),
    ),
}
"""Each task's recipe, its metrics, and what differs from the recipe, for every arm alike."""


def review_sentences(data: Path) -> Iterator[str]:
    """Sentences of 3 to 60 words of reviews: films (IMDB train), electronics and kitchen, pros and cons of products."""
    texts: list[str] = []
    with lzma.open(data / "imdb/train.jsonl.xz", "rt", encoding="utf-8") as lines:
        texts += [json.loads(line)["text"].replace("<br />", " ") for line in lines]
    for file in sorted((data / "amazon_blitzer").glob("*/*.review.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as opened:
            texts += re.findall(r"<review_text>\s*(.*?)\s*</review_text>", opened.read(), re.DOTALL)
    for name in ("pros", "cons"):
        with gzip.open(data / f"nltk_corpora/{name}.txt.gz", "rt", encoding="utf-8") as lines:
            texts += list(lines)
    for text in texts:
        for sentence in re.split(r"(?<=[.!?])\s+|\n", text.strip()):
            words = sentence.split()
            if 3 <= len(words) <= 60:
                yield " ".join(words)


def tables(data: Path) -> dict[str, Table]:
    """The data of every task; of SST-2 with so many labels, drawn once."""
    found = {}
    for name, (recipe, _, _) in TASKS.items():
        table = read_data(load_recipe(recipe), data)
        found[name] = labelled(table, int(name.removeprefix("sst2_"))) if name.startswith("sst2_") else table
    return found


def labelled(table: Table, rows: int) -> Table:
    """So many rows of the training part, and all others."""
    training = [sample for sample in table.samples if sample.split == "train"]
    kept = {sample.id for sample in random.Random(0).sample(training, rows)}
    return replace(table, samples=tuple(one for one in table.samples if one.split != "train" or one.id in kept))


def prepare(data: Path, runs: Path, tests: Sequence[Sample]) -> tuple[Path, Path, dict[str, int]]:
    """The sentences that are read and the knowledge that is mined from them; nothing of a test or validation part is among them."""
    file, knowledge, record = runs / "reviews.txt", runs / "knowledge", runs / "sentences.json"
    if not record.is_file():
        runs.mkdir(parents=True, exist_ok=True)
        banned = {comparable(sample.text or "") for sample in tests}
        every = list(dict.fromkeys(review_sentences(data)))
        clean = [sentence for sentence in every if comparable(sentence) not in banned]
        random.Random(0).shuffle(clean)
        file.write_text("\n".join(clean[:SENTENCES]) + "\n", encoding="utf-8")
        mine(clean).write(knowledge)
        record.write_text(
            json.dumps(
                {"different": len(every), "left out": len(every) - len(clean), "mined from": len(clean), "read": SENTENCES}
            )
        )
    counts: dict[str, int] = json.loads(record.read_text())
    return file, knowledge, counts


def pretrained(arm: str, start: Path, file: Path, knowledge: Path, runs: Path) -> dict[int, Path]:
    """The arm's encoder of each seed."""
    chosen = ARMS[arm]
    if chosen is None:
        return dict.fromkeys(SEEDS, start)
    recipe, changes = chosen
    told = [] if recipe.endswith("random_mask") else ["word", "polarity", "pair"]
    known = [f"objectives.{name}.objective.knowledge={knowledge}" for name in told if f"objectives.{name}=null" not in changes]
    folder = runs / "pretrained" / arm
    overrides = [f"encoders.text.pretrained={start}", *PRETRAINING, *known, *changes]
    train(recipe, file, out=folder, seeds=SEEDS, overrides=overrides, resume=True)
    return {seed: folder / f"seed-{seed}" for seed in SEEDS}


def fine_tuned(arm: str, starts: Mapping[int, Path], data: Mapping[str, Table], runs: Path) -> None:
    """Fine-tune on every task: a run a seed, for each seed has its own start, and one folder that joins them for comparing."""
    for task, rows in data.items():
        recipe, _, changes = TASKS[task]
        joined = runs / "tasks" / task / arm
        joined.mkdir(parents=True, exist_ok=True)
        for seed, start in starts.items():
            own = runs / "tasks" / task / f"{arm}-{seed}"
            overrides = [f"encoders.text.pretrained={start}", *FINE_TUNING, *changes]
            train(recipe, rows, out=own, seeds=[seed], overrides=overrides, resume=True)
            link = joined / f"seed-{seed}"
            if not link.exists():
                link.symlink_to((own / f"seed-{seed}").resolve(), target_is_directory=True)


def scores(task: str, arm: str, runs: Path) -> dict[str, dict[str, Any]]:
    """Each metric's mean, spread and values over the seeds, on the test part; empty where a seed is not there."""
    files = [runs / "tasks" / task / f"{arm}-{seed}" / "run.json" for seed in SEEDS]
    if not all(file.is_file() for file in files):
        return {}
    tests = [json.loads(file.read_text())["per_seed"][0]["test"] for file in files]
    names = TASKS[task][1].split(",")
    return {name: spread(values) for name in names if (values := [test[name] for test in tests])}


def differences(task: str, base: str, arm: str, runs: Path) -> dict[str, Any]:
    """What the arm adds to the base, with intervals over seeds and test rows."""
    found = compare_each(runs / "tasks" / task / base, runs / "tasks" / task / arm, metrics=TASKS[task][1].split(","))
    return {name: one.as_dict() for name, one in found.items()}


def lexicon_scores(samples: Sequence[Sample], lexica: Mapping[str, Knowledge]) -> dict[str, Mapping[str, float]]:
    """How often the sign of the summed word scores is the label; a sum of 0 is wrong, and counted apart."""
    reviews = [(sample.text or "", POSITIVE if sample.label == "positive" else NEGATIVE) for sample in samples]
    return {name: label_agreement(lexicon, reviews) for name, lexicon in lexica.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, default=Path("runs/grounded/small_mlm/seed-0"))
    parser.add_argument("--runs", type=Path, default=Path("runs/skep"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--only", default="")
    parser.add_argument("--only-tables", action="store_true")
    options = parser.parse_args()
    data = tables(options.data)
    held_out = [sample for table in data.values() for sample in table.samples if sample.split != "train"]
    file, knowledge, counts = prepare(options.data, options.runs, held_out)
    wanted = [name for name in options.only.split(",") if name] or list(ARMS)
    if not options.only_tables:
        for arm in wanted:
            fine_tuned(arm, pretrained(arm, options.start, file, knowledge, options.runs), data, options.runs)
    result = collected(options.runs) | {
        "sentences": counts,
        "lexica": lexicon_scores(
            data["sst2_500"].split("test"),
            {
                "mined": Knowledge.read(knowledge),
                "VADER": Knowledge.from_lexicon(options.data / "lexicons_en/vader/vader_lexicon.txt"),
                "Bing Liu": Knowledge.from_lexicon(options.data / "lexicons_en/bing_liu"),
            },
        ),
        "rows": {
            task: {part: len(table.split(part)) for part in ("train", "validation", "test")} for task, table in data.items()
        },
        **origin(),
    }
    write(options.out, "skep_effect", result, markdown(result))


def collected(runs: Path) -> dict[str, Any]:
    """Every finished arm on every task, and its difference to the start and to random masking."""
    tasks: dict[str, Any] = {}
    for task in TASKS:
        arms = {arm: found for arm in ARMS if (found := scores(task, arm, runs))}
        gains = {
            f"{arm} - {base}": differences(task, base, arm, runs)
            for base in ("none", "random")
            for arm in arms
            if base in arms and arm not in ("none", base)
        }
        tasks[task] = {"arms": arms, "differences": gains}
    return {"tasks": tasks}


def markdown(result: Mapping[str, Any]) -> str:
    """The tables for people."""
    lines = [
        "# Sentiment knowledge: what each part adds",
        "",
        f"Seeds {', '.join(map(str, SEEDS))}; commit {result['commit']}; {result['machine']}.",
        "",
    ]
    for task, found in result["tasks"].items():
        metrics = TASKS[task][1].split(",")
        rows = result["rows"][task]
        lines += [
            f"## {task}",
            "",
            f"{rows['train']:,} labelled rows, {rows['test']:,} test rows; mean ± std over seeds, in points.",
            "",
        ]
        arms = [
            [arm, *(plus_minus(values[name], times=100, digits=1) for name in metrics)] for arm, values in found["arms"].items()
        ]
        gains = [
            [pair, *(difference(values[name], times=100, digits=1) for name in metrics)]
            for pair, values in found["differences"].items()
        ]
        lines += [*table(["arm", *metrics], arms), "", *table(["difference", *metrics], gains)]
        lines.append("")
    lexica = [[name, f"{100 * one['accuracy']:.1f}", f"{100 * one['ties']:.1f}"] for name, one in result["lexica"].items()]
    lines += ["## Lexica alone on SST-2 test", "", *table(["lexicon", "accuracy", "sums of 0, counted as wrong"], lexica)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
