"""``polysense tune``: values of a recipe that do well on validation."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polysense.cli.fitting import hinting
from polysense.cli.left_behind import telling_what_is_left
from polysense.cli.options import Columns, Encoding, Json, MediaRoot, SkipBadRows
from polysense.cli.output import print_json, print_table
from polysense.cli.paths import refuse_missing
from polysense.cli.train import all_overrides, read_seeds
from polysense.errors import PolysenseError, display

if TYPE_CHECKING:
    from polysense.training.tuning.question import Tuning
    from polysense.training.tuning.search import Trial

app = typer.Typer(rich_markup_mode=None, add_completion=False)

SHOWN = 10
"""Trials that are printed, the best first."""


@app.command()
def tune(
    recipe: Annotated[str, typer.Argument(help="A recipe's name (`polysense recipes list`) or a YAML file.")],
    data: Annotated[Path, typer.Option(help="The table, or the folder of the data set.")],
    out: Annotated[Path, typer.Option(help="The folder of the search.")],
    space: Annotated[
        list[str],
        typer.Option(help="What is tuned: objectives.contrast.weight=0.05:0.5:log, or values a,b,c. Repeatable."),
    ],
    trials: Annotated[int, typer.Option(min=1, help="How many values are tried in all.")] = 20,
    seeds: Annotated[str | None, typer.Option(help="One training a seed in each trial. The recipe's own by default.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the search.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override one value of all trials: training.num_train_epochs=2. Repeatable."),
    ] = None,
    columns: Columns = None,
    encoding: Encoding = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished search in --out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Throw away the search in --out.")] = False,
    skip_bad_rows: SkipBadRows = False,
    media_root: MediaRoot = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run frozen encoders at every step.")] = False,
    json: Json = False,
) -> None:
    """Seek the values of a recipe's entries, such as loss weights and learning rates, that do best on validation.

    Test rows are not read. Keeps a table of all trials, and writes the best values as a recipe that `train` takes.
    """
    from polysense.training.tuning.space import read_space

    named, drawn = read_space(space), read_seeds(seeds)  # so that a wrong space is told before torch is loaded
    refuse_missing(data)
    if find_spec("optuna") is None:
        raise PolysenseError("tune needs optuna: pip install 'polysense[tune]'")

    from polysense.training.lock import held
    from polysense.training.tuning.question import BEST, TABLE, ask, begin
    from polysense.training.tuning.search import best_of, search

    overrides = all_overrides(set_, columns, encoding)
    with hinting(recipe, data, overrides):
        tuning = ask(
            recipe,
            data,
            out=out,
            space=named,
            trials=trials,
            seeds=drawn,
            seed=seed,
            overrides=overrides,
            skip_bad_rows=skip_bad_rows,
            media_root=media_root,
            use_cache=not no_cache,
        )
    with telling_what_is_left(out, overwrite=overwrite), held(out):
        begin(tuning, resume=resume, overwrite=overwrite)
        found = search(tuning)
    best = best_of(tuning, found)
    command = ["polysense", "train", str(out / BEST), "--data", str(data), "--out", f"{out}-best", "--seeds", "0,1,2"]
    if json:
        rows = [
            {
                "trial": one.number,
                "values": dict(one.values),
                "score": one.score,
                "one_answer": list(one.alike),
                "note": one.note,
            }
            for one in found
        ]
        floors = dict(best.floors)
        recommended = {"best": best.number, "recipe": str(out / BEST), "command": command}
        if best.learned_nothing:
            recommended = dict.fromkeys(recommended)
        print_json({"metric": tuning.metric, "trials": rows, "floors": floors, "table": str(out / TABLE), **recommended})
        return
    _print(tuning, found, best)
    typer.echo(f"Table:  {display(out / TABLE)}")
    if not best.learned_nothing:
        typer.echo(f"Recipe: {display(out / BEST)}")
        typer.echo(f"Try:    {shlex.join(command)}")


def _print(tuning: Tuning, found: Sequence[Trial], best: Trial) -> None:
    """The best trials, and what is to be thought of the best one."""
    from polysense.training.tuning.search import counted

    sign = -1 if tuning.greater_is_better else 1
    scored = sorted(
        (one for one in found if one.score is not None),
        key=lambda one: (one.learned_nothing, sign * (one.score or 0), one.number),
    )
    every = ", all settings of the space" if tuning.settings == len(found) else ""
    typer.echo(f"{tuning.recipe}: {tuning.metric} on validation, {counted(len(found))}{every}\n")
    shown = scored[:SHOWN]
    notes = ["note"] if any(one.note for one in shown) else []
    rows: list[list[Any]] = [[one.number, *one.values.values(), one.score, *([one.note] if notes else [])] for one in shown]
    print_table(["trial", *tuning.space, tuning.metric, *notes], [[_short(cell) for cell in row] for row in rows])
    if failed := len(found) - len(scored):
        typer.echo(f"{counted(failed)} diverged.")
    typer.echo("")
    if best.floors:
        typer.echo(f"{_beaten(tuning, best)}\n")
    if best.learned_nothing:
        typer.echo(
            "Warning: each model answers all rows alike: nothing was learned in any trial, and no values are recommended. "
            "Train longer, at higher rates or on more rows.",
            err=True,
        )
        return
    own = next((one for one in scored if one.values == tuning.own), None)
    if best is own:
        typer.echo("No trial is better than the recipe as it is.")
    elif own is not None and own.learned_nothing:
        typer.echo(
            "The recipe as it is learned nothing: train the best trial over several seeds, to see whether it always does."
        )
    elif own is not None and own.score is not None and best.score is not None:
        gain = abs(best.score - own.score)
        typer.echo(
            f"The best trial is better than the recipe as it is by {gain:.4f}. The best of {len(scored)} is flattered by luck: train "
            "both over several seeds, and ask `polysense compare`."
        )
    elif tuning.outside:
        typer.echo(
            f"The recipe as it is was not tried ({', '.join(tuning.outside)}): whether the best trial is better, "
            "`polysense compare` says of runs of both."
        )


def _beaten(tuning: Tuning, best: Trial) -> str:
    """What is reached without a neural network on the same rows, and that the best trial does not beat it."""
    told = "; ".join(f"{name} {_short(score)}" for name, score in best.floors.items())
    said = f"Without a neural network, {tuning.metric} on validation: {told}."
    sign = 1 if tuning.greater_is_better else -1
    better = [name for name, score in best.floors.items() if best.score is not None and sign * score > sign * best.score]
    if better:
        said += f" No trial beats {' and '.join(better)}: none of them is worth its training yet."
    return said


def _short(cell: Any) -> Any:
    return f"{cell:.4g}" if isinstance(cell, float) else cell
