"""Metrics over the seeds of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from polysense.data.json_file import read_object
from polysense.data.rows import split_name
from polysense.errors import PolysenseError, RecipeError, choices, display
from polysense.metrics.spread import sample_std


def stored(run: Path, split: str) -> tuple[list[dict[str, Any]], int | None, int]:
    """``{"seed", "metrics"}`` a seed, as the run wrote them when it was trained; how many rows it measured, if it noted that; and
    how many more it left out, since they have no label.

    Raises:
        PolysenseError: the run is not finished.
        DataError: what it wrote is damaged.
        RecipeError: it has no metrics of that split, or none at all, since its recipe measures nothing.
    """
    file = run / "run.json"
    record = read_object(file)
    if not record:
        raise PolysenseError(f"{display(run)} is no finished run: there is no {display(file)}")
    results = record.get("per_seed", [record])
    wanted = split_name(split)
    found = [{"seed": result["seed"], "metrics": result[wanted]} for result in results if result.get(wanted)]
    if not found and not any(result.get(name) for result in results for name in ("validation", "test")):
        raise RecipeError(
            f"nothing was measured of {display(run)} when it was trained, so no metrics are written down: name what to measure, "
            f"polysense evaluate {display(run)} --data DATA --evaluator sts"
        )
    if not found:
        known = [name for name in ("validation", "test") if results[0].get(name)]
        raise RecipeError(
            f"{display(run)} has no metrics of {wanted!r}; {choices(wanted, known)} (or name a table with --data)"
        )
    data = record.get("data", {})
    there = data.get("splits", {}).get(wanted)
    # earlier runs noted how many rows are labelled, which are those that a classification measures
    noted = data.get("measured", data.get("labelled", {}) if record.get("labels") else {})
    rows = noted.get(wanted, there)
    return found, rows, 0 if rows is None else there - rows


def summarise(found: Sequence[Mapping[str, Any]], split: str | None, rows: int | None, left_out: int = 0) -> dict[str, Any]:
    """``{"split", "rows", "left_out", "metrics": means, "std", "per_seed"}``; the standard deviation of a single seed is None.

    What one seed has no number for (NaN) has no mean either; a metric that one lacks is told of the others alone, under ``per_seed``.
    """
    names = [name for name in found[0]["metrics"] if all(name in result["metrics"] for result in found)]
    values = {name: [result["metrics"][name] for result in found] for name in names}
    return {
        "split": None if split is None else split_name(split),
        "rows": rows,
        "left_out": left_out,
        "metrics": {name: mean(numbers) for name, numbers in values.items()},
        "std": {name: sample_std(numbers) for name, numbers in values.items()},
        "per_seed": list(found),
    }


def with_settled(found: Sequence[Mapping[str, Any]], run: Path) -> list[dict[str, Any]]:
    """What was found of each seed, with the temperature and the thresholds, ``settled``, where a run or saved model has such."""
    record = read_object(run / "run.json")
    settled = {one.get("seed"): one["settled"] for one in record.get("per_seed", [record]) if "settled" in one}
    return [{**one, **({"settled": settled[one["seed"]]} if one["seed"] in settled else {})} for one in found]


def noted_settings(run: Path) -> dict[str, dict[str, Any]]:
    """How the models of a run or saved model were asked when it was trained, by the evaluator's name; empty where there is one way."""
    record = read_object(run / "run.json")
    found: dict[str, dict[str, Any]] = record.get("per_seed", [record])[0].get("settings", {})
    return found
