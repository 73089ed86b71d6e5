"""Do ITC and ITM help on MVSA-Single? Trains every arm over its seeds (or goes on where it stopped), then writes the tables.

    python benchmarks/social_mvsa.py --data DATA/mvsa_single --runs runs/mvsa --out docs/results

Writes mvsa_single.json and mvsa_single.md. With --only-tables nothing is trained: arms that are not finished are left out and named.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from polysense.data.corpora.mvsa_single import MvsaSingle
from polysense.evaluation.matching import Matching
from polysense.evaluation.reference import references
from polysense.evaluation.retrieval import Retrieval
from polysense.inference.predictor import Predictor
from polysense.training.comparison import compare
from polysense.training.run import train
from polysense.types import Sample

FIVE, THREE = (0, 1, 2, 3, 4), (0, 1, 2)
ARMS = {
    "concat": FIVE,
    "concat_itc": FIVE,
    "concat_itm": FIVE,
    "concat_both": FIVE,
    "attention": THREE,
    "attention_itc": THREE,
    "attention_itm": THREE,
    "attention_both": THREE,
    "text": FIVE,
    "image": FIVE,
}
METRICS = ("weighted_f1", "macro_f1", "accuracy")


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and standard deviation over seeds."""
    return {"mean": mean(values), "std": stdev(values) if len(values) > 1 else 0.0}


def controls(run: Path, seeds: Sequence[int], samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """Does each signal learn what it trains? Matching accuracy and retrieval on the test pairs, over the seeds."""
    found: dict[str, list[float]] = {}
    for seed in seeds:
        model = Predictor.from_pretrained(run / f"seed-{seed}")
        for evaluator in (Matching(), Retrieval()):
            for name, value in model.measure(samples, evaluators=[evaluator]).items():
                found.setdefault(name, []).append(value)
    return {name: spread(values) for name, values in found.items()}


def arm_result(name: str, runs: Path, samples: Sequence[Sample]) -> dict[str, Any]:
    """All that the tables say of one finished arm."""
    record = json.loads((runs / name / "run.json").read_text(encoding="utf-8"))
    result: dict[str, Any] = {
        "seeds": record["seeds"],
        "test": {metric: spread([seed["test"][metric] for seed in record["per_seed"]]) for metric in METRICS},
        "validation": {metric: spread([seed["validation"][metric] for seed in record["per_seed"]]) for metric in METRICS},
        "controls": controls(runs / name, record["seeds"], samples) if "_" in name else {},
        "versions": record["versions"],
    }
    base = name.partition("_")[0]
    if base != name and (runs / base / "run.json").is_file():
        compared = {metric: compare(runs / base, runs / name, metric=metric).as_dict() for metric in METRICS}
        result["against_base"] = compared
    return result


def markdown(result: Mapping[str, Any], command: str) -> str:
    """The tables, for people."""
    reference = result["tfidf_reference"]
    lines = [
        "# ITC and ITM on MVSA-Single",
        "",
        f"Command: `{command}`. Commit {result['commit']}, {result['machine']}, {result['versions']}.",
        "Split `split_clmlf`: 3,611 training, 450 validation, 450 test posts. MiniLM fine-tuned, EfficientNet-Lite0 frozen; the",
        "checkpoint of each seed is the best weighted F1 on validation; test is scored once. Values in points, mean ± standard",
        "deviation over seeds.",
        "",
        "| model | signals | seeds | weighted F1 | macro F1 | accuracy |",
        "|---|---|---|---|---|---|",
        f"| TF-IDF and logistic regression | text alone | - | {100 * reference['weighted_f1']:.1f} | "
        f"{100 * reference['macro_f1']:.1f} | {100 * reference['accuracy']:.1f} |",
    ]
    for name, arm in result["arms"].items():
        model, _, signal = name.partition("_")
        cells = [f"{100 * arm['test'][m]['mean']:.1f} ± {100 * arm['test'][m]['std']:.1f}" for m in METRICS]
        lines.append(f"| {model} | {signal or 'classification alone'} | {len(arm['seeds'])} | {' | '.join(cells)} |")
    lines += [
        "",
        "Difference to the same model without the signal: paired over seeds and test rows (two-level bootstrap, 5,000 draws), in",
        "points of weighted F1. *Smallest visible* is half the interval: about the smallest effect that could have been shown.",
        "",
        "| model | signals | difference | 95 % interval | p | smallest visible |",
        "|---|---|---|---|---|---|",
    ]
    for name, arm in result["arms"].items():
        if "against_base" in arm:
            model, _, signal = name.partition("_")
            one = arm["against_base"]["weighted_f1"]
            lines.append(
                f"| {model} | {signal} | {100 * one['difference']:+.1f} | {100 * one['low']:+.1f} to {100 * one['high']:+.1f} | "
                f"{one['p_value']:.3f} | {100 * one['detectable']:.1f} |"
            )
    lines += [
        "",
        "Does each signal learn what it trains? On the test pairs: balanced accuracy of telling a post's own text from another one's",
        "(chance 50), and how often a text finds its picture among the 450 in the first ten (chance 2.2).",
        "",
        "| model | signals | matching accuracy | text to picture, recall at 10 |",
        "|---|---|---|---|",
    ]
    for name, arm in result["arms"].items():
        if arm["controls"]:
            model, _, signal = name.partition("_")
            cells = [_points(arm["controls"].get(key)) for key in ("matching_accuracy", "text_to_image_R@10")]
            lines.append(f"| {model} | {signal} | {' | '.join(cells)} |")
    if result["not_finished"]:
        lines += ["", f"Not finished, so not in the tables: {', '.join(result['not_finished'])}."]
    return "\n".join(lines) + "\n"


def _points(value: Mapping[str, float] | None) -> str:
    return "-" if value is None else f"{100 * value['mean']:.1f} ± {100 * value['std']:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/mvsa"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--only-tables", action="store_true")
    options = parser.parse_args()
    if not options.only_tables:
        for name, seeds in ARMS.items():
            train(f"social/mvsa_{name}", options.data, out=options.runs / name, seeds=seeds, resume=True)
    table = MvsaSingle().read(options.data)
    text_alone = references(table.split("train"), table.split("test"))["tfidf_text"]["metrics"]
    finished = [name for name in ARMS if (options.runs / name / "run.json").is_file()]
    arms = {name: arm_result(name, options.runs, table.split("test")) for name in finished}
    versions = {package: arms[finished[0]]["versions"][package] for package in ("polysense", "torch", "transformers")}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    result = {
        "commit": commit,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{package} {number}" for package, number in versions.items()),
        "tfidf_reference": {metric: text_alone[metric] for metric in METRICS},
        "arms": arms,
        "not_finished": [name for name in ARMS if name not in finished],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "mvsa_single.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    command = "python benchmarks/social_mvsa.py --data DATA/mvsa_single --runs runs/mvsa --out docs/results"
    (options.out / "mvsa_single.md").write_text(markdown(result, command), encoding="utf-8")


if __name__ == "__main__":
    main()
