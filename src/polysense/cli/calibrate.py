"""``polysense calibrate``: a temperature, and thresholds of the classes, for a run that is trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, cast, get_args

import typer

from polysense.cli.options import Json, TrustRecipeCode
from polysense.cli.output import print_json, print_table
from polysense.errors import RecipeError, choices

app = typer.Typer(rich_markup_mode=None, add_completion=False)

SHOWN = ("ece", "accuracy", "subset_accuracy", "weighted_f1", "macro_f1")


@app.command()
def calibrate(
    run: Annotated[Path, typer.Argument(help="A finished run that classifies; it stays as it is.")],
    out: Annotated[Path, typer.Option(help="The folder of the calibrated run; it must be new or empty.")],
    decide: Annotated[
        str, typer.Option(help="likeliest: the class with the largest probability; macro_f1: by a threshold for each class.")
    ] = "likeliest",
    trust_recipe_code: TrustRecipeCode = False,
    json: Json = False,
) -> None:
    """Write a run anew with probabilities that mean what they say: a temperature of each seed, fitted on its validation rows.

    With --decide macro_f1 each class also gets a threshold. Nothing is trained and no table is read: what the run answered to its
    validation rows is in its folder. The result is what training with the options calibrate and decide would have given.
    """
    from polysense.training.calibrating import Decide
    from polysense.training.calibrating import calibrate as settle
    from polysense.training.folder import finished

    if decide not in get_args(Decide):
        raise RecipeError(f"--decide: there is no {decide!r}; {choices(decide, get_args(Decide))}")
    before = finished(run)
    summary = settle(run, out, decide=cast(Decide, decide), trust_recipe_code=trust_recipe_code)
    if json:
        print_json(summary)
        return
    rows = []
    for split in ("validation", "test"):
        for metric in SHOWN:
            old, new = (_mean(one, split, metric) for one in (before, summary))
            if new is not None:
                rows.append((split, metric, old, new))
    print_table(("split", "metric", "before", "after"), rows)
    for result in summary["per_seed"]:
        for settled in result["settled"].values():
            typer.echo(f"seed {result['seed']}: {in_words(settled)}")
    typer.echo("Validation scores are a little too good now, for there it was fitted; those of test are not.")
    typer.echo(f"Try:    polysense compare {run} {out}")


def in_words(settled: Mapping[str, Any]) -> str:
    """A temperature and thresholds in a line."""
    parts = [f"temperature {settled['temperature']:.3f}"] if "temperature" in settled else []
    thresholds = ", ".join(f"{label} {value:.3f}" for label, value in settled.get("thresholds", {}).items())
    return "; ".join([*parts, *([f"thresholds {thresholds}"] if thresholds else [])])


def _mean(record: Mapping[str, Any], split: str, metric: str) -> float | None:
    """Over the seeds; None where one has none, as runs of before had no ``ece``."""
    found = [result.get(split, {}).get(metric) for result in record["per_seed"]]
    return None if None in found else fmean(found)
