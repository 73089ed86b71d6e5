"""``polysense encode``: the rows of a table as vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polysense.errors import RecipeError, choices
from polysense.progress import bar

app = typer.Typer(rich_markup_mode=None, add_completion=False)

FORMATS = (".npy", ".parquet")


@app.command()
def encode(
    run: Annotated[str, typer.Argument(help="A run, a saved model, or a Hugging Face id.")],
    table: Annotated[Path, typer.Argument(help="A CSV, TSV, JSON lines or Parquet file.")],
    out: Annotated[Path, typer.Option(help="embeddings.npy, or embeddings.parquet with the rows' ids.")],
    part: Annotated[str | None, typer.Option(help="One modality by itself; all of them fused by default.")] = None,
    normalize: Annotated[bool, typer.Option("--normalize", help="Scale every vector to length 1.")] = False,
    columns: Annotated[str | None, typer.Option(help="Fields that stand under another name in the table: text=tweet.")] = None,
    media_root: Annotated[
        Path | None, typer.Option(help="The folder in which the table's pictures may lie; the table's own by default.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="The text encoding of the table.")] = "utf-8",
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Encode without them, and list them.")] = False,
    trust_recipe_code: Annotated[
        bool, typer.Option("--trust-recipe-code", help="Run the code outside polysense that the model's recipe names.")
    ] = False,
) -> None:
    """Turn every row of a table into a vector, in the table's order."""
    if out.suffix not in FORMATS:
        raise RecipeError(f"--out {out}: {choices(out.suffix, FORMATS)}")
    import numpy as np

    from polysense.cli.data import read_columns
    from polysense.cli.predict import say_which_seed
    from polysense.data.table import read_table, refuse_or_skip
    from polysense.data.verify import verify
    from polysense.inference.predictor import load

    model = load(run, trust_recipe_code=trust_recipe_code)
    say_which_seed(model, run)
    read = read_table(table, columns=read_columns(columns), media_root=media_root, encoding=encoding, split_seed=None)
    read = refuse_or_skip(read, verify(read, splits=()), skip_bad_rows=skip_bad_rows)
    for problem in read.skipped:
        typer.echo(f"skipped: {problem}", err=True)
    with bar("encoding", "rows") as advance:
        vectors = model.encode(read.samples, part=part, normalize=normalize, progress=advance)
    if out.suffix == ".npy":
        np.save(out, vectors)
    else:
        import polars as pl

        pl.DataFrame({"id": [sample.id for sample in read.samples], "embedding": vectors}).write_parquet(out)
    typer.echo(f"{len(vectors)} vectors of width {vectors.shape[1]}: {out}", err=True)
