"""The options that several commands share, each with one name, one type and one line of help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polysense.data.rows import split_name
from polysense.errors import DataError, RecipeError

Columns = Annotated[str | None, typer.Option(help="Fields that stand under another name in the table: text=tweet,label=mood.")]
Encoding = Annotated[str | None, typer.Option(help="The text encoding of the table: latin-1. UTF-8 unless the recipe says.")]
MediaRoot = Annotated[
    Path | None,
    typer.Option(help="The folder in which pictures may lie; the table's own by default, for stdin the current one."),
]
SkipBadRows = Annotated[bool, typer.Option("--skip-bad-rows", help="Go on without the rows that cannot be used.")]
TrustRecipeCode = Annotated[
    bool, typer.Option("--trust-recipe-code", help="Run the code outside polysense that the model's recipe names.")
]
Pooling = Annotated[
    str | None, typer.Option(help="Read another library's encoder with this pooling, whatever it was saved with: cls, mean.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read_split(text: str) -> str:
    """A split by its standard name: ``dev`` is ``validation``.

    Raises:
        RecipeError: there is no such split; names the valid ones.
    """
    try:
        return split_name(text)
    except DataError as error:
        raise RecipeError(f"--split: {error}") from None
