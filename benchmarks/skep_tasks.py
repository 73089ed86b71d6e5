"""Polarity of sentences and aspects from several starts: SKEP's tasks, trained over seeds (or gone on with), then written down.

    python benchmarks/skep_tasks.py --data DATA --runs runs/skep_tasks --out docs/results/skep_tasks.json
    python benchmarks/skep_tasks.py --data DATA --runs runs/skep_tasks --out skep_tasks.json --start skep=runs/pretrain

Arms of each task: ``own``, the recipe as it is shipped; one for each ``--start NAME=FOLDER``, whose text encoder comes from that run;
and of tasks with aspects ``blind``, the recipe as it is shipped without a look at the aspect: what the sentence alone gives away.
Every arm is compared with ``own``, paired over seeds and test rows. Beside them: the commonest class, and TF-IDF of the words.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polysense.recipe import load_recipe
from polysense.training.aspects import reads_aspects
from polysense.training.comparison import compare
from polysense.training.folder import SUMMARY
from polysense.training.run import train
from record import plus_minus, spread

TASKS = ("skep/sst2", "skep/semeval14_laptop", "skep/semeval14_restaurant")
METRICS = ("accuracy", "macro_f1")
OWN, BLIND = "own", "blind"


def arms(task: str, starts: Mapping[str, str]) -> dict[str, list[str]]:
    """Name -> what is other than in the recipe."""
    found: dict[str, list[str]] = {OWN: []}
    if reads_aspects(load_recipe(task)):
        found[BLIND] = ["encoders.text.aspect=false"]
    return found | {name: [f"encoders.text.pretrained={folder}"] for name, folder in starts.items()}


def trained(task: str, run: Path, changes: Sequence[str], arguments: argparse.Namespace) -> dict[str, Any]:
    """The record of a finished run; trained or gone on with where it is not finished."""
    if not (run / SUMMARY).is_file():
        overrides = [*arguments.set, *changes]
        train(task, arguments.data, out=run, seeds=arguments.seeds, overrides=overrides, resume=run.exists())
    record: dict[str, Any] = json.loads((run / SUMMARY).read_text(encoding="utf-8"))
    return record


def scores(record: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over the seeds of each metric on test."""
    found = {}
    for metric in METRICS:
        values = [seed["test"][metric] for seed in record["per_seed"]]
        found[metric] = spread(values)
    return found


def measured(task: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """All arms of one task."""
    home = arguments.runs / task.partition("/")[2]
    result: dict[str, Any] = {"arms": {}, "against_own": {}}
    for name, changes in arms(task, dict(arguments.start)).items():
        record = trained(task, home / name, changes, arguments)
        result["arms"][name] = scores(record)
        if name == OWN:
            reference = record["references"].get("tfidf_text", {}).get("metrics", {})
            result |= {
                "seeds": record["seeds"],
                "rows": record["data"]["splits"],
                "most_frequent": {metric: record["most_frequent"]["test"]["metrics"][metric] for metric in METRICS},
                "tfidf": {metric: reference.get(metric) for metric in METRICS},
                "recipe": record["recipe"],
                "versions": record["versions"],
            }
        else:
            found = compare(home / OWN, home / name, metric="accuracy")
            result["against_own"][name] = found.as_dict() | {"words": found.in_words(base=OWN, other=name)}
    return result


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """For people: accuracy and macro F1 in percent, mean and standard deviation over the seeds."""
    lines = ["| task | arm | accuracy | macro F1 |", "|---|---|---|---|"]
    for task, result in results.items():
        for name, found in result["arms"].items():
            cells = [plus_minus(found[metric], times=100, digits=1) for metric in METRICS]
            lines.append(f"| {task} | {name} | {' | '.join(cells)} |")
        for name in ("tfidf", "most_frequent"):
            cells = ["" if found is None else f"{100 * found:.1f}" for found in result[name].values()]
            lines.append(f"| {task} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def start(text: str) -> tuple[str, str]:
    """``NAME=FOLDER``."""
    name, equals, folder = text.partition("=")
    if not equals or not name or name in {OWN, BLIND}:
        raise argparse.ArgumentTypeError(f"write NAME=FOLDER, with a name other than {OWN} and {BLIND}; found {text!r}")
    return name, folder


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of all data sets")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the JSON file; a table goes to stdout")
    parser.add_argument("--tasks", nargs="+", default=TASKS, help="recipes")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--start", type=start, action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--set", action="append", default=[], help="of every arm, as in polysense train")
    arguments = parser.parse_args(words)
    results = {task: measured(task, arguments) for task in arguments.tasks}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
