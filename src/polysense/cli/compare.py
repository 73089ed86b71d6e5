"""``polysense compare``: does one run score higher than another, and by how much?"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polysense.cli.output import print_json, print_table
from polysense.errors import DataError, RecipeError, choices

if TYPE_CHECKING:
    from polysense.training.comparison import Comparison

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def compare(
    base: Annotated[Path, typer.Argument(help="The run to compare with.")],
    other: Annotated[Path, typer.Argument(help="The run that may be better.")],
    split: Annotated[str, typer.Option(help="The split whose predictions are compared.")] = "test",
    metric: Annotated[str | None, typer.Option(help="One metric; the usual ones where it is not given.")] = None,
    by: Annotated[str | None, typer.Option(help="A column of the predictions: compare within each of its values too.")] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 5000,
    seed: Annotated[int, typer.Option(help="Seed of the resampling.")] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="Print the comparison by the one metric, or the main one, as JSON.")
    ] = False,
) -> None:
    """Compare two runs, paired over seeds and test rows: the difference OTHER - BASE with its 95 % interval."""
    from polysense.training import comparison
    from polysense.training.folder import finished

    for run in (base, other):
        finished(run)
    split = _read_split(split, base, other)
    main = comparison.compare(base, other, split=split, metric=metric, resamples=resamples, seed=seed, by=by)
    if json:
        print_json(main.as_dict())
        return
    found = {main.metric: main}
    if metric is None:
        found |= comparison.compare_each(base, other, split=split, resamples=resamples, seed=seed)
    _print(found)
    if main.groups:
        typer.echo(f"\n{main.metric} by {by}:")
        _print(main.groups)
    typer.echo(f"\n{main.in_words(base=base.name, other=other.name)}")
    if main.note:
        typer.echo(f"Note: {main.note}.")


def _read_split(text: str, *runs: Path) -> str:
    """The predictions that are meant, by the name of their files; ``dev.text`` is ``validation.text``.

    Raises:
        RecipeError: neither run has such predictions; names those that there are.
    """
    from polysense.data.rows import split_name

    split, *modality = text.split(".")
    with suppress(DataError):
        split = split_name(split)
    name = ".".join((split, *modality))
    there = {file.stem for run in runs for file in run.glob("seed-*/predictions/*.jsonl")}
    if there and name not in there:
        raise RecipeError(f"--split: the runs have no predictions of {text!r}; {choices(text, there)}")
    return name


def _print(found: Mapping[str, Comparison]) -> None:
    columns = ("", "base", "other", "difference", "95 % interval", "p", "rows")
    print_table(
        columns,
        [
            (name, one.base, one.other, f"{one.difference:+.4f}", f"{one.low:+.4f} to {one.high:+.4f}", one.p_value, one.rows)
            for name, one in found.items()
        ],
    )
