"""The baselines of multimodal sentiment analysis beside each other, on made clips.

    python benchmarks/msa_zoo.py --runs runs/msa_zoo --out docs/results

Writes the made clips, trains every recipe under msa/ and self_mm/clips on them over the seeds, in one set-up for all (MiniLM frozen),
and those that add objectives once more without them; then some of them on clips whose score is a product. Writes msa_zoo.json and
msa_zoo.md, with differences in pairs and their intervals. All is taken up where it stopped. With --data any other folder of clips is
read in place of both; recipes that need human scores of single modalities are then left out where it has none.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polysense.data.corpora.clips import Clips
from polysense.data.toy.clips import Rule, write_toy_clips
from polysense.training.comparison import compare_each
from polysense.training.run import train
from record import difference, origin, plus_minus, spread, table, write

SEEDS = (0, 1, 2, 3, 4)
SETTINGS = (
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


@dataclass(frozen=True)
class Setting:
    """Some clips, and how long models learn from them."""

    told: str
    folder: str
    """Of its runs, beside those of other settings."""
    epochs: int
    patience: int
    arms: tuple[str, ...] = tuple(ARMS)
    rule: Rule = "sum"


SUM = Setting("The score is a sum of what modalities say", "", 8, 3)
PRODUCT = Setting(
    "The score is the product of what text and sound say",
    "product",
    30,
    10,
    ("lf_dnn", "tfn", "lmf", "mag", "misa_alone", "mmim_alone", "self_mm"),
    "product",
)


def collected(runs: Path) -> dict[str, Any]:
    """Every finished arm, what differs between it and its base, and what stands beside them: a constant answer, and ridge."""
    arms, differences, known = {}, {}, {}
    for name, arm in ARMS.items():
        if not (file := runs / name / "run.json").is_file():
            continue
        summary = json.loads(file.read_text("utf-8"))
        known = {
            "constant": summary["median_score"]["test"]["metrics"],
            "ridge": summary["references"]["means_ridge"]["metrics"],
        }
        tests = [one["test"] for one in summary["per_seed"]]
        arms[name] = {metric: spread(values) for metric in METRICS if (values := [test[metric] for test in tests])}
        if arm.base is not None and (runs / arm.base / "run.json").is_file():
            compared = compare_each(runs / arm.base, runs / name, metrics=list(METRICS))
            differences[name] = {metric: one.as_dict() for metric, one in compared.items()}
    beside = {name: {metric: one.get(metric) for metric in METRICS} for name, one in known.items()}
    return {"arms": arms, "differences": differences, **beside}


def markdown(result: Mapping[str, Any]) -> str:
    """The page."""
    lines = [
        "# The baselines of multimodal sentiment analysis, on made clips",
        "",
        "Command: `python benchmarks/msa_zoo.py --runs runs/msa_zoo --out docs/results`. "
        f"Commit {result['commit']}, {result['machine']}.",
        "One set-up for all: MiniLM frozen, the checkpoint with the best MAE on validation, batches of 32, learning rate 0.001; "
        "widths, dropout and weights of losses as in the recipes. No model was tuned. Seeds "
        f"{', '.join(map(str, result['seeds']))}; mean ± standard deviation over them.",
    ]
    for setting in result["settings"]:
        lines += ["", *_section(setting)]
    return "\n".join(lines) + "\n"


def _section(setting: Mapping[str, Any]) -> list[str]:
    rows = setting["rows"]
    known = {"the median of the training scores": "constant", "ridge regression: counts of words, means of frames": "ridge"}
    models = [[told, *(_number(setting[name][metric]) for metric in METRICS)] for told, name in known.items()]
    models += [[ARMS[name].told, *(plus_minus(found[one]) for one in METRICS)] for name, found in setting["arms"].items()]
    differences = [
        [ARMS[name].told, ARMS[ARMS[name].base or ""].told, *(difference(found[one]) for one in METRICS)]
        for name, found in setting["differences"].items()
    ]
    return [
        f"## {setting['told']}",
        "",
        f"Synthetic clips: {rows['train']} training, {rows['validation']} validation, {rows['test']} test; {setting['epochs']} epochs "
        f"at most, {setting['patience']} without a better MAE on validation.",
        "",
        *table(["model", *METRICS], models),
        "",
        "Differences in pairs, with their 95 % interval over seeds and clips (two-level bootstrap); one that holds 0 shows none:",
        "",
        *table(["model", "against", *METRICS], differences),
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def measured(setting: Setting, data: Path, runs: Path) -> dict[str, Any]:
    """All arms of a setting, trained or taken up."""
    if not data.is_dir():
        write_toy_clips(data, rule=setting.rule)
    table = Clips().read(data)
    scored = any(sample.scores for sample in table.split("train"))
    steps = (f"training.num_train_epochs={setting.epochs}", f"evaluation.patience={setting.patience}")
    for name in setting.arms:
        arm = ARMS[name]
        if scored or not arm.human:
            train(arm.recipe, data, out=runs / name, seeds=SEEDS, overrides=[*steps, *SETTINGS, *arm.changes], resume=True)
    return collected(runs) | {
        "told": setting.told,
        "rows": {part: len(table.split(part)) for part in ("train", "validation", "test")},
        "epochs": setting.epochs,
        "patience": setting.patience,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="a folder of clips; made ones if it is not given")
    parser.add_argument("--runs", type=Path, default=Path("runs/msa_zoo"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    settings = (SUM, PRODUCT) if options.data is None else (SUM,)
    result = {
        "settings": [
            measured(one, options.data or options.runs / one.folder / "clips", options.runs / one.folder) for one in settings
        ],
        "seeds": SEEDS,
        **origin(),
    }
    write(options.out, "msa_zoo", result, markdown(result))


if __name__ == "__main__":
    main()
