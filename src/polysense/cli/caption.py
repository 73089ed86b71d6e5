"""``polysense caption``: what a model says of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polysense.cli.noted_table import NotedTable
from polysense.cli.options import (
    Beams,
    Columns,
    Encoding,
    Json,
    LengthPenalty,
    MaxLength,
    MediaRoot,
    MinLength,
    NoRepeat,
    Sample,
    Seed,
    Temperature,
    TopP,
    TrustRecipeCode,
)
from polysense.cli.writing import print_written, wishes_of
from polysense.errors import RecipeError

if TYPE_CHECKING:
    from polysense.inference.predictor import Row
    from polysense.progress import Progress

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def caption(
    run: Annotated[str, typer.Argument(help="A run or a saved model that writes captions.")],
    pictures: Annotated[
        list[Path],
        typer.Argument(help="Pictures, folders of pictures, or one table (CSV, TSV, JSON lines, Parquet) that names them."),
    ],
    beams: Beams = None,
    length_penalty: LengthPenalty = None,
    min_length: MinLength = None,
    max_length: MaxLength = None,
    no_repeat: NoRepeat = None,
    sample: Sample = False,
    temperature: Temperature = None,
    top_p: TopP = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="A file for the captions, as JSON lines.")] = None,
    columns: Columns = None,
    media_root: MediaRoot = None,
    encoding: Encoding = None,
    trust_recipe_code: TrustRecipeCode = False,
    json: Json = False,
) -> None:
    """Write a caption of each picture: its name, a tab and the caption; with --json or --out one JSON object a line.

    A picture that cannot be used is named on stderr, or gets an "error" in place of its caption, and the exit code is then 3.
    How texts are written follows the recipe, but for what is said here.
    """
    from polysense.cli.paths import refuse_missing, refuse_output
    from polysense.cli.predict import say_which_seed

    wishes = wishes_of(beams, length_penalty, min_length, max_length, no_repeat, temperature, top_p, sample=sample, seed=seed)
    refuse_missing(run)
    if out is not None:
        refuse_output(out)
    rows = _rows(pictures, columns, media_root, encoding, NotedTable.of(run))
    from polysense.inference.predictor import load

    model = load(run, trust_recipe_code=trust_recipe_code)
    say_which_seed(model, run)

    def answers(advance: Progress) -> Iterator[dict[str, Any]]:
        for answer in model.stream_written(rows, wishes, captions=True, progress=advance):
            yield {"caption" if name == "written" else name: value for name, value in answer.items()}

    print_written(answers, lambda answer: f"{answer['id']}\t{answer.get('caption', '')}", json=json, out=out)


def _rows(
    pictures: list[Path], columns: str | None, media_root: Path | None, encoding: str | None, noted: NotedTable
) -> Iterable[Row]:
    """The pictures one after another, each named as it was given, or the rows of a table."""
    from polysense.cli.predict import table_rows
    from polysense.data.tablefile import is_table

    tables = [path for path in pictures if is_table(path)]
    if tables and len(pictures) > 1:
        raise RecipeError(f"{tables[0]} is a table: name it alone, without other tables or pictures")
    if tables:
        return table_rows(str(tables[0]), columns, media_root, encoding or "utf-8", noted=noted, required=("image",))
    for option, value in (("--columns", columns), ("--media-root", media_root), ("--encoding", encoding)):
        if value is not None:
            raise RecipeError(f"{option}: is for a table; these are pictures")
    return chain.from_iterable(_pictures(path) for path in pictures)


def _pictures(path: Path) -> Iterable[Row]:
    from polysense.data.picture_folder import picture_folder

    if not path.is_dir():
        return [{"id": str(path), "image": path}]
    table = picture_folder(path)
    shown = [replace(sample, id=str(path / sample.id)) for sample in table.samples]
    return [*shown, *(replace(problem, id=str(path / (problem.id or ""))) for problem in table.problems)]
