"""Do the labels that Self-MM makes say what each modality says? On made clips, where that is known.

    python benchmarks/self_mm_labels.py --runs runs/self_mm_labels --out docs/results

Writes the made clips, trains the recipe self_mm/clips on them over the seeds (MiniLM frozen, so that it runs once) with the made
labels, with people's true ones, without the heads' losses, and without labels at all; holds the labels of each epoch against the truth
and the errors of the arms against each other; writes self_mm_labels.json and self_mm_labels.md. All is taken up where it stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import polars

from polysense.data.toy.clips import write_toy_clips
from polysense.training.comparison import compare_each
from polysense.training.run import train
from record import difference, origin, plus_minus, spread, table, write

SEEDS = (0, 1, 2, 3, 4)
EPOCHS = 20
SETTINGS = (
    f"training.num_train_epochs={EPOCHS}",
    "evaluation.patience=null",
    "encoders.text.trainable=false",
    "training.learning_rates={encoders.audio: 5.0e-3, encoders.video: 5.0e-3}",
)
OFF = "objectives.unimodal.weight=1.0e-12"
"""The memory goes on, its labels are made, but the heads' losses move nothing: Adam's own epsilon is larger than their gradients."""

ARMS: dict[str, tuple[str, ...]] = {
    "single": ("objectives.unimodal=null",),
    "self_mm": (),
    "losses_off": (OFF,),
    "human": ("objectives.unimodal.objective.labels=human",),
    "scaled_square": ("objectives.unimodal.objective.distance=scaled_square",),
    "centre_distance": ("objectives.unimodal.objective.alpha=centre_distance",),
    "symmetric": ("objectives.unimodal.objective.alpha=symmetric",),
    "with_zero": ("objectives.unimodal.objective.exclude_zero=false",),
    "warm_up": ("objectives.unimodal.objective.warm_up_weight=1.0",),
}
RULES = ("self_mm", "scaled_square", "centre_distance", "symmetric", "with_zero", "warm_up")
TOLD = {
    "single": "the clip's score alone",
    "self_mm": "and labels that the model makes (Self-MM)",
    "losses_off": "labels are made, their losses move nothing",
    "human": "and the true score of each modality",
    "scaled_square": "Self-MM, `distance: scaled_square`",
    "centre_distance": "Self-MM, `alpha: centre_distance`",
    "symmetric": "Self-MM, `alpha: symmetric`",
    "with_zero": "Self-MM, `exclude_zero: false`",
    "warm_up": "Self-MM, `warm_up_weight: 1`",
}
MODALITIES = ("text", "audio", "video")
METRICS = ("MAE", "Corr", "Non0_acc_2")

Row = Mapping[str, Any]


def labels_by_epoch(run: Path, truth: polars.DataFrame) -> list[Row]:
    """Of each epoch and modality: how the labels' offsets follow the true ones, and how far the labels moved."""
    found: list[Row] = []
    before: dict[str, np.ndarray] = {}
    for epoch, file in enumerate(sorted((run / "memory").glob("unimodal.*.parquet")), start=1):
        table = polars.read_parquet(file).join(truth, on="id", how="inner", maintain_order="left")
        score = table["score"].to_numpy()
        row: dict[str, Any] = {"epoch": epoch}
        for name in MODALITIES:
            label, true = table[f"y_{name[0]}"].to_numpy(), table[f"score_{name}"].to_numpy()
            row[name] = {
                "r": correlation(label - score, true - score),
                "partial_r": partial_correlation(label, true, score),
                "moved": float(np.abs(label - before.get(name, score)).mean()),
                "offset": float(np.abs(label - score).mean()),
            }
            before[name] = label
        found.append(row)
    return found


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's; 0 where one of them is constant."""
    return float(np.corrcoef(x, y)[0, 1]) if x.std() > 1e-9 and y.std() > 1e-9 else 0.0


def partial_correlation(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> float:
    """Of what a line through ``given`` leaves of both."""
    design = np.stack([given, np.ones_like(given)], axis=1)
    return correlation(*(side - design @ np.linalg.lstsq(design, side, rcond=None)[0] for side in (x, y)))


def collected(runs: Path, truth: polars.DataFrame) -> dict[str, Any]:
    """Labels, errors, and what differs from the clip's score alone."""
    arms, labels, differences = {}, {}, {}
    for arm in ARMS:
        summary = json.loads((runs / arm / "run.json").read_text("utf-8"))
        tests = [one["test"] for one in summary["per_seed"]]
        arms[arm] = {name: spread([test[name] for test in tests]) for name in METRICS}
        if arm in (*RULES, "losses_off"):
            labels[arm] = {str(seed): labels_by_epoch(runs / arm / f"seed-{seed}", truth) for seed in SEEDS}
        if arm != "single":
            compared = compare_each(runs / "single", runs / arm, metrics=list(METRICS))
            differences[arm] = {name: one.as_dict() for name, one in compared.items()}
    rules = {arm: compare_each(runs / "self_mm", runs / arm, metrics=["MAE"])["MAE"].as_dict() for arm in RULES[1:]}
    return {"arms": arms, "differences": differences, "rules": rules, "labels": labels}


def markdown(result: Mapping[str, Any]) -> str:
    """The page."""
    lines = [
        "# Do the labels that Self-MM makes say what each modality says?",
        "",
        "Command: `python benchmarks/self_mm_labels.py --runs runs/self_mm_labels --out docs/results`. "
        f"Commit {result['commit']}, {result['machine']}.",
        "**Made clips** (synthetic; 640 training, 200 validation, 400 test) whose true score of each modality is known; MiniLM frozen, "
        f"{EPOCHS} epochs, seeds {', '.join(map(str, SEEDS))}.",
        "",
        "## The labels against the truth",
        "",
        "r: correlation of label − clip's score with true score − clip's score, over the training clips; partial r: of label and "
        "true score, given the clip's score; moved: mean absolute change since the evaluation before.",
        "",
        "| losses of the heads | seed | epoch | r text | audio | video | partial r text | audio | video | moved text | audio | video |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for arm in ("self_mm", "losses_off"):
        for seed, epochs in result["labels"][arm].items():
            for row in (epochs[1], epochs[-1]):
                cells = [f"{row[name][key]:.2f}" for key in ("r", "partial_r", "moved") for name in MODALITIES]
                lines.append(f"| {'on' if arm == 'self_mm' else 'off'} | {seed} | {row['epoch']} | {' | '.join(cells)} |")
    arms, differences = result["arms"].items(), result["differences"].items()
    means = {arm: mean(last(epochs, "partial_r") for epochs in seeds.values()) for arm, seeds in result["labels"].items()}
    lines += [
        "",
        f"Mean partial r at the last epoch: {means['self_mm']:.2f} with the losses on, {means['losses_off']:.2f} with them off.",
        "",
        "## The errors on test",
        "",
        *table(["learned", *METRICS], ([TOLD[arm], *(plus_minus(found[one]) for one in METRICS)] for arm, found in arms)),
        "",
        "Difference to the clip's score alone, with its 95 % interval over seeds and clips:",
        "",
        *table(
            ["learned", *METRICS], ([TOLD[arm], *(difference(found[one]) for one in METRICS)] for arm, found in differences)
        ),
    ]
    lines += [
        "",
        "## The rule by which labels move",
        "",
        "Mean partial r at the last epoch with its spread over seeds, the mean distance of a label from the clip's score there, and "
        "the difference of the clips' error to the default.",
        "",
        *table(
            ["rule", "partial r", "moved from the clip's score", "MAE, to the default"],
            (
                [
                    TOLD[arm] if arm != "self_mm" else "the default",
                    plus_minus(spread([last(epochs, "partial_r") for epochs in result["labels"][arm].values()]), digits=2),
                    plus_minus(spread([last(epochs, "offset") for epochs in result["labels"][arm].values()]), digits=2),
                    "" if arm == "self_mm" else difference(result["rules"][arm]),
                ]
                for arm in RULES
            ),
        ),
    ]
    return "\n".join(lines) + "\n"


def last(epochs: list[Row], key: str) -> float:
    """The mean over the modalities at the last epoch."""
    return float(mean(epochs[-1][name][key] for name in MODALITIES))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/self_mm_labels"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    data = options.runs / "clips"
    if not data.is_dir():
        write_toy_clips(data)
    for arm, changes in ARMS.items():
        train("self_mm/clips", data, out=options.runs / arm, seeds=SEEDS, overrides=[*SETTINGS, *changes], resume=True)
    truth = polars.read_parquet(data / "manifest.parquet")
    result = collected(options.runs, truth.select("id", "score", *(f"score_{name}" for name in MODALITIES))) | {
        **origin(),
    }
    write(options.out, "self_mm_labels", result, markdown(result))


if __name__ == "__main__":
    main()
