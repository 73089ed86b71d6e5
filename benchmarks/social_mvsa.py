"""Do ITC and ITM help on MVSA-Single? Trains every arm over its seeds (or goes on where it stopped), then writes the tables.

    python benchmarks/social_mvsa.py --data DATA/mvsa_single --runs runs/mvsa --out docs/results

Writes mvsa_single.json and mvsa_single.md. LXMERT and ViLT are small ones (small_networks.py). --only MODEL,MODEL restricts what is
trained; with --only-tables nothing is. Arms without a finished run stay as the file that is there has them, with their commit; others
are left out of the tables and named.
Whether the signals learned their own task is asked by social_controls.py.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polysense.data.corpora.mvsa_single import MvsaSingle
from polysense.data.json_file import read_object
from polysense.evaluation.reference import references
from polysense.training.comparison import compare
from polysense.training.run import train
from record import commit, difference, origin, plus_minus, spread, write
from small_networks import write_networks

FIVE, THREE = (0, 1, 2, 3, 4), (0, 1, 2)
ARMS = {
    "concat": FIVE,
    "concat_itc": FIVE,
    "concat_itm": FIVE,
    "concat_both": FIVE,
    **{
        f"{model}{signal}": THREE
        for model in ("attention", "mmbt", "lxmert", "vilt")
        for signal in ("", "_itc", "_itm", "_both")
    },
    "text": FIVE,
    "image": FIVE,
}
"""Each arm and its seeds."""

FROM_SCRATCH = ("training.learning_rate=3e-4", "training.num_train_epochs=4")
"""For networks whose layers are drawn; by the validation score of one run of LXMERT alone."""

SMALL = (
    "LXMERT and ViLT are small ones of our own, for their published weights are not at hand: 128 numbers wide, 5 and 4 layers that",
    "were drawn, over principal components of MiniLM's word embeddings; four epochs at a learning rate of 0.0003.",
)
METRICS = ("weighted_f1", "macro_f1", "accuracy")


GIVEN = {"weighted_f1": 0.677, "macro_f1": 0.575, "accuracy": 0.689}
"""What another TF-IDF with logistic regression reached on the same test rows, before this project: the reference to beat."""


def changes(name: str, networks: Path) -> list[str]:
    """What of an arm is other than in its recipe."""
    model = name.partition("_")[0]
    borrowed = {"lxmert": ("text",), "vilt": ("text", "image")}.get(model, ())
    return [*(f"encoders.{part}.pretrained={networks / model}" for part in borrowed), *(FROM_SCRATCH if borrowed else ())]


def arm_result(name: str, runs: Path) -> dict[str, Any]:
    """All that the tables say of one finished arm."""
    record = json.loads((runs / name / "run.json").read_text(encoding="utf-8"))
    result: dict[str, Any] = {
        "seeds": record["seeds"],
        "test": {metric: spread([seed["test"][metric] for seed in record["per_seed"]]) for metric in METRICS},
        "validation": {metric: spread([seed["validation"][metric] for seed in record["per_seed"]]) for metric in METRICS},
        "versions": record["versions"],
    }
    base = name.partition("_")[0]
    if base != name and (runs / base / "run.json").is_file():
        compared = {metric: compare(runs / base, runs / name, metric=metric).as_dict() for metric in METRICS}
        result["against_base"] = compared
    return result


def markdown(result: Mapping[str, Any], command: str) -> str:
    """The tables, for people."""
    lines = [
        "# ITC and ITM on MVSA-Single",
        "",
        f"Command: `{command}`. {_commits(result['arms'])}, {result['machine']}, {result['versions']}.",
        "Split `split_clmlf`: 3,611 training, 450 validation, 450 test posts. MiniLM fine-tuned, EfficientNet-Lite0 frozen; the",
        "checkpoint of each seed is the best weighted F1 on validation; test is scored once. Values in points, mean ± standard",
        "deviation over seeds.",
        *(SMALL if any(name.startswith(("lxmert", "vilt")) for name in result["arms"]) else ()),
        "",
        "| model | signals | seeds | weighted F1 | macro F1 | accuracy |",
        "|---|---|---|---|---|---|",
        f"| TF-IDF and logistic regression, ours | text alone | - | {_cells(result['tfidf_reference'])} |",
        f"| TF-IDF and logistic regression, as it was given | text alone | - | {_cells(GIVEN)} |",
    ]
    for name, arm in result["arms"].items():
        model, _, signal = name.partition("_")
        cells = [plus_minus(arm["test"][metric], times=100, digits=1) for metric in METRICS]
        lines.append(f"| {model} | {signal or 'classification alone'} | {len(arm['seeds'])} | {' | '.join(cells)} |")
    lines += [
        "",
        "Difference to the same model without the signal: paired over seeds and test rows (two-level bootstrap, 5,000 draws), in",
        "points, with its 95 % interval. *Smallest visible* is half the interval of weighted F1: about the smallest effect that could",
        "have been shown.",
        "",
        "| model | signals | weighted F1 | p | smallest visible | macro F1 | accuracy |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, arm in result["arms"].items():
        if "against_base" in arm:
            model, _, signal = name.partition("_")
            found = arm["against_base"]
            weighted, macro, accuracy = (_difference(found[metric]) for metric in METRICS)
            one = found["weighted_f1"]
            lines.append(
                f"| {model} | {signal} | {weighted} | {one['p_value']:.3f} | {100 * one['detectable']:.1f} | {macro} | {accuracy} |"
            )
    if result["not_finished"]:
        lines += ["", f"Not finished, so not in the tables: {', '.join(result['not_finished'])}."]
    return "\n".join(lines) + "\n"


def _commits(arms: Mapping[str, Mapping[str, Any]]) -> str:
    models: dict[str, list[str]] = {}
    for name, arm in arms.items():
        model = name.partition("_")[0]
        if model not in (listed := models.setdefault(arm["commit"], [])):
            listed.append(model)
    return "Commits: " + "; ".join(f"{one} ({', '.join(listed)})" for one, listed in models.items())


def _cells(reference: Mapping[str, float]) -> str:
    return " | ".join(f"{100 * reference[metric]:.1f}" for metric in METRICS)


def _difference(one: Mapping[str, float]) -> str:
    return difference(one, times=100, digits=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/mvsa"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--only", default="")
    parser.add_argument("--only-tables", action="store_true")
    options = parser.parse_args()
    wanted = [model for model in options.only.split(",") if model]
    networks = (options.runs / "networks").absolute()
    if not options.only_tables:
        write_networks(networks)
        for name, seeds in ARMS.items():
            if not wanted or name.partition("_")[0] in wanted:
                overrides = changes(name, networks)
                train(
                    f"social/mvsa_{name}", options.data, out=options.runs / name, seeds=seeds, overrides=overrides, resume=True
                )
    table = MvsaSingle().read(options.data)
    text_alone = references(table.split("train"), table.split("test"))["tfidf_text"]["metrics"]
    finished = [name for name in ARMS if (options.runs / name / "run.json").is_file()]
    if not finished:
        raise SystemExit(f"{options.runs} holds no finished arm yet: leave --only-tables out to train them")
    found = {name: {"commit": commit(), **arm_result(name, options.runs)} for name in finished}
    before = read_object(options.out / "mvsa_single.json").get("arms", {})
    arms = {name: found.get(name) or before[name] for name in ARMS if name in found or name in before}
    versions = {package: found[finished[0]]["versions"][package] for package in ("polysense", "torch", "transformers")}
    result = {
        **origin(),
        "versions": ", ".join(f"{package} {number}" for package, number in versions.items()),
        "tfidf_reference": {metric: text_alone[metric] for metric in METRICS},
        "arms": arms,
        "not_finished": [name for name in ARMS if name not in arms],
    }
    command = "python benchmarks/social_mvsa.py --data DATA/mvsa_single --runs runs/mvsa --out docs/results"
    write(options.out, "mvsa_single", result, markdown(result, command))


if __name__ == "__main__":
    main()
