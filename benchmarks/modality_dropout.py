"""What modality dropout gains where modalities are missing, and what it costs where none is, on made clips.

    python benchmarks/modality_dropout.py --runs runs/modality_dropout --out docs/results

Trains self_mm/clips (MiniLM frozen) without the entry and with two chances, over the seeds, and asks each model about the test clips
whole, without each modality, and with each alone; writes modality_dropout.json and modality_dropout.md, with differences in pairs and
their intervals. All is taken up where it stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from polysense.data.toy.clips import write_toy_clips
from polysense.metrics.bootstrap import paired_bootstrap
from polysense.training.run import train
from record import origin, write

SEEDS = (0, 1, 2, 3, 4)
CHANCES = (0.2, 0.4)
SETTINGS = ("encoders.text.trainable=false", "training.num_train_epochs=12", "evaluation.patience=4")
SHOWN = {
    "": "all",
    "without_text": "sound and film",
    "without_audio": "text and film",
    "without_video": "text and sound",
    "text": "text",
    "audio": "sound",
    "video": "film",
}
"""What is shown of the test clips: the middle of the name of the file of predictions, and in words."""


def errors(run: Path, shown: str) -> np.ndarray:
    """(seeds, test clips, 2): the absolute error of each clip, and 1."""
    name = ".".join(part for part in ("test", shown, "jsonl") if part)
    rows = [
        [json.loads(line) for line in (run / f"seed-{seed}/predictions/{name}").read_text("utf-8").splitlines()]
        for seed in SEEDS
    ]
    return np.array([[(abs(row["score"] - row["target"]), 1.0) for row in one] for one in rows])


def mean_error(counts: np.ndarray) -> dict[str, np.ndarray]:
    """MAE of summed errors and numbers (..., 2)."""
    return {"MAE": counts[..., 0] / counts[..., 1]}


def collected(runs: Path) -> dict[str, Any]:
    """MAE by what is shown and chance, with the difference to the model without the entry."""
    found: dict[str, Any] = {}
    for shown in SHOWN:
        base = errors(runs / "0", shown)
        found[shown] = {"0": {"mean": float(mean_error(base.sum(axis=1))["MAE"].mean())}}
        for chance in CHANCES:
            found[shown][str(chance)] = asdict(paired_bootstrap(base, errors(runs / str(chance), shown), mean_error)["MAE"])
    return found


def markdown(result: Mapping[str, Any]) -> str:
    """The page."""
    lines = [
        "# Modality dropout, on made clips",
        "",
        "Command: `python benchmarks/modality_dropout.py --runs runs/modality_dropout --out docs/results`. "
        f"Commit {result['commit']}, {result['machine']}.",
        "**Made clips** (synthetic; 640 training, 200 validation, 400 test). `self_mm/clips`, MiniLM frozen, 12 epochs at most, "
        f"{len(result['seeds'])} seeds; chosen by MAE on whole validation clips. MAE on the test clips by what is shown of "
        "them; behind the models with `modality_dropout` the difference to the one without, with its 95 % interval over seeds and "
        "clips.",
        "",
        f"| shown | without | {' | '.join(f'chance {chance}' for chance in CHANCES)} |",
        "|---" * (len(CHANCES) + 2) + "|",
    ]
    for shown, told in SHOWN.items():
        row = result["shown"][shown]
        cells = [
            f"{row[str(chance)]['other']:.3f} ({row[str(chance)]['difference']:+.3f}, {row[str(chance)]['low']:+.3f} to "
            f"{row[str(chance)]['high']:+.3f})"
            for chance in CHANCES
        ]
        lines.append(f"| {told} | {row['0']['mean']:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/modality_dropout"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    data = options.runs / "clips"
    if not data.is_dir():
        write_toy_clips(data)
    for chance in (0, *CHANCES):
        changes = [f"modality_dropout={chance}"]
        train("self_mm/clips", data, out=options.runs / str(chance), seeds=SEEDS, overrides=[*SETTINGS, *changes], resume=True)
    result = {
        "shown": collected(options.runs),
        "seeds": SEEDS,
        **origin(),
    }
    write(options.out, "modality_dropout", result, markdown(result))


if __name__ == "__main__":
    main()
