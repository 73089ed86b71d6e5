"""The baselines of multimodal sentiment analysis beside each other, on made clips.

    python benchmarks/msa_zoo.py --runs runs/msa_zoo --out docs/results

Writes the made clips, trains every recipe under msa/ and self_mm/clips on them over the seeds, in one set-up for all (MiniLM frozen),
and those that add objectives once more without them; writes msa_zoo.json and msa_zoo.md, with differences in pairs and their
intervals. All is taken up where it stopped. With --data any other folder of clips is read; recipes that need human scores of single
modalities are then left out where it has none.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from polysense.data.corpora.clips import Clips
from polysense.data.toy.clips import write_toy_clips
from polysense.training.comparison import compare_each
from polysense.training.run import train

SEEDS = (0, 1, 2, 3, 4)
EPOCHS, PATIENCE = 8, 3
SETTINGS = (
    f"training.num_train_epochs={EPOCHS}",
    f"evaluation.patience={PATIENCE}",
    "training.per_device_train_batch_size=32",
    "training.gradient_accumulation_steps=1",
    "training.learning_rate=1.0e-3",
    "training.learning_rates=null",
)
FROZEN = "encoders.text.trainable=false"
METRICS = ("MAE", "Corr", "Non0_acc_2")


@dataclass(frozen=True)
class Arm:
    """A recipe, what differs from it, and what its results are compared with."""

    told: str
    recipe: str
    changes: tuple[str, ...] = ()
    base: str | None = "lf_dnn"
    human: bool = False
    """Whether it needs people's scores of single modalities."""


def without(*objectives: str) -> tuple[str, ...]:
    """The overrides that take objectives out."""
    return tuple(f"objectives.{name}=null" for name in objectives)


ARMS: dict[str, Arm] = {
    "lf_dnn": Arm("LF-DNN", "msa/lf_dnn", base=None),
    "tfn": Arm("TFN", "msa/tfn"),
    "lmf": Arm("LMF", "msa/lmf"),
    "mult": Arm("MulT", "msa/mult"),
    "mag": Arm("MAG", "msa/mag", (FROZEN,)),
    "misa": Arm("MISA", "msa/misa", (FROZEN,)),
    "mmim": Arm("MMIM", "msa/mmim", (FROZEN,)),
    "self_mm": Arm("Self-MM", "self_mm/clips", (FROZEN,)),
    "misa_alone": Arm("MISA without its three objectives", "msa/misa", (FROZEN, *without("apart", "alike", "whole")), "misa"),
    "mmim_alone": Arm("MMIM without its two objectives", "msa/mmim", (FROZEN, *without("bound", "prediction")), "mmim"),
    "mmim_complete": Arm(
        "MMIM, the likelihood with its variance", "msa/mmim", (FROZEN, "objectives.bound.objective.normalized=true"), "mmim"
    ),
    "mlf_dnn": Arm("MLF-DNN (human scores of each modality)", "msa/mlf_dnn", human=True),
    "mtfn": Arm("MTFN (likewise)", "msa/mtfn", human=True),
    "mlmf": Arm("MLMF (likewise)", "msa/mlmf", human=True),
    "mlf_dnn_alone": Arm("MLF-DNN without them", "msa/mlf_dnn", without("unimodal"), "mlf_dnn", human=True),
    "mtfn_alone": Arm("MTFN without them", "msa/mtfn", without("unimodal"), "mtfn", human=True),
    "mlmf_alone": Arm("MLMF without them", "msa/mlmf", without("unimodal"), "mlmf", human=True),
}


def collected(runs: Path) -> dict[str, Any]:
    """Every finished arm, what differs between it and its base, and what the median of the training scores reaches."""
    arms, differences, constant = {}, {}, {}
    for name, arm in ARMS.items():
        if not (file := runs / name / "run.json").is_file():
            continue
        summary = json.loads(file.read_text("utf-8"))
        constant = summary["median_score"]["test"]["metrics"]
        tests = [one["test"] for one in summary["per_seed"]]
        arms[name] = {
            metric: {"mean": mean(values), "std": stdev(values), "seeds": values}
            for metric in METRICS
            if (values := [test[metric] for test in tests])
        }
        if arm.base is not None:
            compared = compare_each(runs / arm.base, runs / name, metrics=list(METRICS))
            differences[name] = {metric: one.as_dict() for metric, one in compared.items()}
    return {"arms": arms, "differences": differences, "constant": {name: constant.get(name) for name in METRICS}}


def markdown(result: Mapping[str, Any]) -> str:
    """The page."""
    rows = result["rows"]
    lines = [
        "# The baselines of multimodal sentiment analysis, on made clips",
        "",
        "Command: `python benchmarks/msa_zoo.py --runs runs/msa_zoo --out docs/results`. "
        f"Commit {result['commit']}, {result['machine']}.",
        f"**Made clips** (synthetic; {rows['train']} training, {rows['validation']} validation, {rows['test']} test). One set-up for "
        f"all: MiniLM frozen, {result['epochs']} epochs at most, {result['patience']} without a better MAE on validation, batches "
        f"of 32, learning rate 0.001; widths, dropout and weights of losses as in the recipes. No model was tuned. Seeds "
        f"{', '.join(map(str, result['seeds']))}; mean ± standard deviation over them.",
        "",
        f"| model | {' | '.join(METRICS)} |",
        "|---" * (len(METRICS) + 1) + "|",
        f"| the median of the training scores | {' | '.join(_number(result['constant'][name]) for name in METRICS)} |",
    ]
    for name, values in result["arms"].items():
        cells = [f"{values[metric]['mean']:.3f} ± {values[metric]['std']:.3f}" for metric in METRICS]
        lines.append(f"| {ARMS[name].told} | {' | '.join(cells)} |")
    lines += [
        "",
        "Differences in pairs, with their 95 % interval over seeds and clips (two-level bootstrap); one that holds 0 shows none:",
        "",
        f"| model | against | {' | '.join(METRICS)} |",
        "|---" * (len(METRICS) + 2) + "|",
    ]
    for name, values in result["differences"].items():
        cells = [
            f"{values[metric]['difference']:+.3f} ({values[metric]['low']:+.3f} to {values[metric]['high']:+.3f})"
            for metric in METRICS
        ]
        lines.append(f"| {ARMS[name].told} | {ARMS[ARMS[name].base or ''].told} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="a folder of clips; made ones if it is not given")
    parser.add_argument("--runs", type=Path, default=Path("runs/msa_zoo"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    data = options.data or options.runs / "clips"
    if not data.is_dir():
        write_toy_clips(data)
    table = Clips().read(data)
    scored = any(sample.scores for sample in table.split("train"))
    for name, arm in ARMS.items():
        if scored or not arm.human:
            train(arm.recipe, data, out=options.runs / name, seeds=SEEDS, overrides=[*SETTINGS, *arm.changes], resume=True)
    result = collected(options.runs) | {
        "rows": {part: len(table.split(part)) for part in ("train", "validation", "test")},
        "seeds": SEEDS,
        "epochs": EPOCHS,
        "patience": PATIENCE,
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip(),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "msa_zoo.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (options.out / "msa_zoo.md").write_text(markdown(result), encoding="utf-8")


if __name__ == "__main__":
    main()
