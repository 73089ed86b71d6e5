"""Trained models on labelled data that they have not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polysense.data.table import refuse_or_skip
from polysense.data.verify import verify
from polysense.errors import DataError, display
from polysense.evaluation.evaluator import Progress
from polysense.inference.predictor import Predictor
from polysense.training.run import read_data
from polysense.training.saved import WEIGHTS


def measure(
    run: Path,
    data: Path,
    *,
    split: str = "test",
    media_root: Path | None = None,
    skip_bad_rows: bool = False,
    trust_recipe_code: bool = False,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """``{"seed", "metrics"}`` for every seed of a run (or for a single saved model, whose seed is None) on a split of ``data``.

    Raises:
        DataError: the data cannot be used, or none of the split's rows has a target.
    """
    found = []
    samples = None
    for seed, folder in _seeds(run) or [(None, run)]:
        predictor = Predictor.from_pretrained(folder, trust_recipe_code=trust_recipe_code)
        if samples is None:
            table = read_data(predictor.recipe, data, media_root=media_root)
            problems = verify(table, labels=predictor.labels or None, splits=(), progress=progress)
            samples = refuse_or_skip(table, problems, skip_bad_rows=skip_bad_rows).split(split)
        metrics = predictor.measure(samples)
        if not metrics:
            raise DataError(f"{display(data)}: no row of {split!r} has a target to measure against")
        found.append({"seed": seed, "metrics": metrics})
    return found


def _seeds(run: Path) -> list[tuple[int | None, Path]]:
    """The seeds of a run with their folders, ascending; none where it is a single model."""
    names = (folder.name.removeprefix("seed-") for folder in run.glob("seed-*") if (folder / WEIGHTS).is_file())
    return [(seed, run / f"seed-{seed}") for seed in sorted(int(name) for name in names if name.isdecimal())]
