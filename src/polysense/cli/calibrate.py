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
from polysense.evaluation.settled import by_seed
from polysense.metrics.names import lower_is_better

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
    for line in worse(before, summary, decide=decide):
        typer.echo(f"Warning: {line}", err=True)
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
    for line in by_seed(summary["per_seed"]):
        typer.echo(line)
    typer.echo("ece is the expected calibration error: the mean gap of probability and accuracy; less is better.")
    typer.echo("Validation scores are a little too good now, for there it was fitted; those of test are not.")
    typer.echo(f"Try:    polysense report {out}" if decide == "likeliest" else f"Try:    polysense compare {run} {out}")


def worse(before: Mapping[str, Any], after: Mapping[str, Any], *, decide: str) -> list[str]:
    """A sentence for each score of the test rows that was to get better and got worse; both are summaries of runs."""
    said = []
    for metric in ("ece", "macro_f1")[: 1 if decide == "likeliest" else 2]:
        old, new = (_mean(one, "test", metric) for one in (before, after))
        if old is not None and new is not None and (new > old if lower_is_better(metric) else new < old):
            said.append(f"{metric} on test is worse than before, {new:.4f} in place of {old:.4f}: there it did not help")
    return said


def _mean(record: Mapping[str, Any], split: str, metric: str) -> float | None:
    """Over the seeds; None where one has none, as runs of before had no ``ece``."""
    found = [result.get(split, {}).get(metric) for result in record["per_seed"]]
    return None if None in found else fmean(found)
