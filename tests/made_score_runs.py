"""Makes small run folders whose rows are clips with scores, shaped like those of Self-MM, with made-up numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars

from made_runs import TEXTS, write_journal, write_lines

MODALITIES = ("text", "audio", "video")


def make_score_run(
    folder: Path,
    *,
    seeds: Sequence[int] = (0, 1),
    rows: int = 60,
    noise: float = 0.5,
    rules: Literal["mosi", "sims"] = "mosi",
    heads: bool = True,
    parts: bool = True,
    epochs: int = 4,
    luck: int = 0,
) -> Path:
    """A run folder.

    Args:
        folder: is made.
        seeds: of the run.
        rows: of each split.
        noise: of the predictions, in units of the scores.
        rules: by which it is measured; scores lie between -3 and 3, or between -1 and 1.
        heads: whether each modality is given a score of its own, and labels were made for it.
        parts: whether it was tried with one modality, and without one.
        epochs: with an evaluation each.
        luck: other predictions of the same rows.
    """
    limit = 1 if rules == "sims" else 3
    world = np.random.default_rng([rows, limit])
    truth = np.clip(world.normal(0.3, 0.5, rows) * limit, -limit, limit).round(2)
    shifts = {name: world.normal(0, 0.3 * limit, rows) for name in MODALITIES}
    results = []
    for seed in seeds:
        home, draw = folder / f"seed-{seed}", np.random.default_rng([seed, luck])
        write_journal(home, draw, steps=epochs * 10, terms=["regression", "unimodal"] if heads else ["regression"])
        if heads:
            tell_parts(home / "journal.jsonl")
        steps = [10 * (epoch + 1) for epoch in range(epochs)]
        write_lines(
            home / "evaluations.jsonl",
            [
                {"step": step, "epoch": step / 10, "metrics": {"MAE": 1 / step, "Corr": 0.5, "Has0_acc_2": 0.6}}
                for step in steps
            ],
        )
        for split in ("validation", "test"):
            found = truth + draw.normal(0, noise, rows)
            table = [line(split, number, truth[number], found[number]) for number in range(rows)]
            if heads:
                for name, shift in shifts.items():
                    for row, own in zip(table, found + shift, strict=True):
                        row[f"score_{name}"] = float(own)
            write_lines(home / "predictions" / f"{split}.jsonl", table)
        for place, name in enumerate(MODALITIES if parts else ()):
            others = [other for other in MODALITIES if other != name]
            for file, worse, missing in ((f"test.{name}", 2, others), (f"test.without_{name}", 1, [name])):
                found = truth + draw.normal(0, noise * (1 + worse / (1 + place)), rows)
                table = [line("test", number, truth[number], found[number]) | {"missing": missing} for number in range(rows)]
                write_lines(home / "predictions" / f"{file}.jsonl", table)
        if heads:
            write_labels(home / "memory", truth, shifts, steps=steps)
        measured = {"MAE": noise, "Corr": 0.5}
        if heads:
            measured |= {f"{metric}/{name}": value for name in MODALITIES for metric, value in (("MAE", 0.7), ("Corr", 0.4))}
        results.append({"seed": seed, "test": measured, "validation": measured})
    record = {
        "polysense": "0.1.0",
        "name": "self_mm/clips",
        "synthetic": False,
        "best_seed": seeds[0],
        "best_metric": "MAE",
        "greater_is_better": False,
        "seeds": list(seeds),
        "per_seed": results,
        "median_score": {"test": {"score": 0.4, "metrics": {"MAE": 0.9, "Has0_acc_2": 0.6}}},
        "data": {"name": "made_clips", "splits": {"train": rows, "test": rows}},
        "labels": [],
        "recipe": {"evaluation": {"evaluators": [{"class_path": "SentimentRegression", "init_args": {"dataset": rules}}]}},
    }
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def tell_parts(journal: Path) -> None:
    """Each modality's share of the term of the labels, from the second epoch on."""
    lines = [json.loads(entry) for entry in journal.read_text(encoding="utf-8").splitlines()]
    for entry in lines[10:]:
        entry["parts"] = {f"unimodal/{name}": entry["terms"]["unimodal"] / 3 for name in MODALITIES}
    write_lines(journal, lines)


def line(split: str, number: int, truth: float, found: float) -> dict[str, Any]:
    return {
        "id": f"{split}-{number}",
        "target": float(truth),
        "score": float(found),
        "missing": [],
        "text": TEXTS[number % len(TEXTS)],
        "image": None,
    }


def write_labels(folder: Path, truth: np.ndarray, shifts: dict[str, np.ndarray], *, steps: Sequence[int]) -> None:
    """Labels that are the clips' scores first and move towards their modality's from evaluation to evaluation."""
    folder.mkdir()
    for visit, step in enumerate(steps):
        labels = {f"y_{name[0]}": truth + shift * (1 - 2.0**-visit) for name, shift in shifts.items()}
        table = {"id": [f"train-{number}" for number in range(len(truth))], "y_m": truth, **labels}
        polars.DataFrame(table | {"visits": [visit + 1] * len(truth)}).write_parquet(folder / f"unimodal.{step:07d}.parquet")
