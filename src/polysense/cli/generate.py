"""``polysense generate``: texts that a model makes of texts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
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
from polysense.errors import DataError, RecipeError

if TYPE_CHECKING:
    from polysense.inference.predictor import Row
    from polysense.progress import Progress

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def generate(
    run: Annotated[str, typer.Argument(help="A run or a saved model that writes texts.")],
    source: Annotated[str, typer.Argument(help="A text, a .txt file with one a line, a table, or - for lines from stdin.")],
    beams: Beams = None,
    length_penalty: LengthPenalty = None,
    min_length: MinLength = None,
    max_length: MaxLength = None,
    no_repeat: NoRepeat = None,
    sample: Sample = False,
    temperature: Temperature = None,
    top_p: TopP = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="A file for what is written, as JSON lines.")] = None,
    columns: Columns = None,
    media_root: MediaRoot = None,
    encoding: Encoding = None,
    trust_recipe_code: TrustRecipeCode = False,
    json: Json = False,
) -> None:
    """Write a text from each text (a summary, a question, whatever the model learnt), a line each; with --json or --out JSON lines.

    A text that cannot be used gets an empty line and is named on stderr, or has an "error" in JSON; the exit code is then 3. How texts
    are written follows the recipe, but for what is said here.
    """
    from polysense.cli.paths import refuse_missing, refuse_output
    from polysense.cli.predict import say_which_seed

    wishes = wishes_of(beams, length_penalty, min_length, max_length, no_repeat, temperature, top_p, sample=sample, seed=seed)
    refuse_missing(run)
    if out is not None:
        refuse_output(out)
    rows = _rows(source, columns, media_root, encoding, NotedTable.of(run))
    from polysense.inference.predictor import load

    model = load(run, trust_recipe_code=trust_recipe_code)
    say_which_seed(model, run)

    def answers(advance: Progress) -> Iterator[dict[str, Any]]:
        return model.stream_written(rows, wishes, progress=advance)

    print_written(answers, lambda answer: answer.get("written", ""), json=json, out=out)


def _rows(source: str, columns: str | None, media_root: Path | None, encoding: str | None, noted: NotedTable) -> Iterable[Row]:
    """The texts one after another, or the rows of a table."""
    from polysense.cli.predict import table_rows
    from polysense.data.tablefile import is_table
    from polysense.inference.row_source import Lines, is_lines

    if not source.strip():
        raise RecipeError("the text is empty: there is nothing to write from")
    path = Path(source)
    looks_like_file = is_table(path) or is_lines(path)
    there = _there(path)
    if looks_like_file and not any(character.isspace() for character in source) and not there:
        raise DataError(f"there is no file {source}")
    if there and path.is_dir():
        raise RecipeError(
            f"{source} is a folder; generate reads texts, and `polysense caption RUN {source}` writes of pictures"
        )
    if looks_like_file and there and not is_lines(path):
        return table_rows(source, columns, media_root, encoding or "utf-8", noted=noted, required=("text",))
    for option, value in (("--columns", columns), ("--media-root", media_root)):
        if value is not None:
            raise RecipeError(f"{option}: is for a table")
    if looks_like_file and there:
        return chain.from_iterable(Lines(path, encoding=encoding or "utf-8").blocks(1024))
    if encoding is not None:
        raise RecipeError("--encoding: is for files; what comes from stdin must be UTF-8")
    return (line.rstrip("\r\n") for line in sys.stdin) if source == "-" else [source]


def _there(path: Path) -> bool:
    """Whether it is a file or folder; a text that is longer than any name of a file is none."""
    try:
        return path.exists()
    except OSError:
        return False
