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

Beams = Annotated[int | None, typer.Option(help="Beginnings that are kept; 1 takes the likeliest token each time.")]
LengthPenalty = Annotated[
    float | None, typer.Option(help="p in the rank of a text, sum of log probabilities / ((5 + length) / 6)^p.")
]
MinLength = Annotated[int | None, typer.Option(help="Tokens of a text at least, its end not counted.")]
MaxLength = Annotated[int | None, typer.Option(help="Tokens at which a text ends.")]
NoRepeat = Annotated[int | None, typer.Option(help="Length of sequences of tokens that do not come twice; 0 allows all.")]
Sample = Annotated[bool, typer.Option("--sample", help="Draw the tokens, instead of seeking the likeliest text.")]
Temperature = Annotated[float | None, typer.Option(help="Of --sample: below 1 likely tokens become likelier.")]
TopP = Annotated[float | None, typer.Option(help="Of --sample: draw from the fewest tokens of this probability together.")]
Seed = Annotated[int, typer.Option(help="Of --sample.")]


def read_split(text: str) -> str:
    """A split by its standard name: ``dev`` is ``validation``.

    Raises:
        RecipeError: there is no such split; names the valid ones.
    """
    try:
        return split_name(text)
    except DataError as error:
        raise RecipeError(f"--split: {error}") from None


def read_names(text: str | None) -> list[str] | None:
    """``a, b`` as a list."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def read_columns(text: str | None) -> dict[str, str]:
    """``text=tweet,label=y`` as a dict."""
    pairs = {}
    for part in read_names(text) or ():
        field, equals, column = part.partition("=")
        if not (field and equals and column):
            raise RecipeError(f"--columns: {part!r} is not FIELD=COLUMN, for instance text=tweet,label=sentiment")
        pairs[field.strip()] = column.strip()
    return pairs


def read_limits(text: str | None) -> tuple[float, float] | None:
    """``-3,3`` as two numbers, the smaller one first."""
    if text is None:
        return None
    try:
        least, most = (float(part) for part in text.split(","))
    except ValueError:
        least = most = 0.0
    if not least < most:
        raise RecipeError(f"--score-range: {text!r} is not the smallest and the largest score, as in -3,3")
    return least, most
