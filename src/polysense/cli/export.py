"""``polysense export``: a text encoder for other libraries, or theirs for this one."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from polysense.cli.options import TrustRecipeCode

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def export(
    source: Annotated[
        str, typer.Argument(help="A run, a saved model, another library's folder, a Hugging Face id, or minilm.")
    ],
    folder: Annotated[Path, typer.Argument(help="Where to write it; new or empty.")],
    to: Annotated[str, typer.Option(help="sentence-transformers, transformers or polysense.")],
    pooling: Annotated[
        str | None, typer.Option(help="How a model of another library pools, where its folder does not say or is wrong.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over the files of an earlier export.")] = False,
    trust_recipe_code: TrustRecipeCode = False,
) -> None:
    """Write a model's text encoder as a folder that sentence-transformers, transformers or polysense loads."""
    from polysense.inference.exporting import export as exporting

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        pooled = exporting.export(
            source, folder, to=to, pooling=pooling, overwrite=overwrite, trust_recipe_code=trust_recipe_code
        )
    for warning in (one for one in told if issubclass(one.category, UserWarning)):
        typer.echo(f"warning: {warning.message}", err=True)
    typer.echo(f"pooling {pooled}, for {to}", err=True)
    typer.echo(str(folder))
