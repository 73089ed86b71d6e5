"""``polysense encode``: sentences, or the rows of a table, as vectors."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polysense.cli.options import Columns, Encoding, MediaRoot, Pooling, SkipBadRows, TrustRecipeCode, read_columns
from polysense.cli.paths import refuse_missing, refuse_output
from polysense.errors import RecipeError, choices
from polysense.progress import open_bar, say

if TYPE_CHECKING:
    from polysense.inference.predictor import Predictor
    from polysense.inference.row_source import RowSource
    from polysense.inference.vector_file import VectorFile
    from polysense.types import Sample

app = typer.Typer(rich_markup_mode=None, add_completion=False)

ENGINES = ("auto", "torch", "openvino")
PRECISIONS = ("auto", "float32", "bfloat16")
STDIN = "-"

FORMATS = (".npy", ".parquet")
"""Named here too, so that what is misspelt is told before torch is loaded."""

BLOCK = 4096
"""Rows between two notes of what is done: no more than these are encoded again after a kill."""

Engine = Annotated[str, typer.Option(help="What computes texts alone: torch, openvino, or auto, the fastest that is there.")]
Precision = Annotated[str, typer.Option(help="Of texts alone: float32, bfloat16, or auto, by the machine.")]


@app.command()
def encode(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="X", help="A run, a saved model, a Hugging Face id, or minilm.")],
    rows: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="A .txt or .txt.gz file with one sentence a line, a CSV, TSV, JSON lines or Parquet table, a folder that holds one, "
            "or a folder of pictures; - reads lines of stdin.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="embeddings.npy, or embeddings.parquet with the rows' ids and texts.")],
    part: Annotated[str | None, typer.Option(help="One modality by itself; all of them fused by default.")] = None,
    shared: Annotated[bool, typer.Option("--shared", help="In the space that text and picture share.")] = False,
    normalize: Annotated[bool, typer.Option("--normalize", help="Scale every vector to length 1.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same command was interrupted.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
    engine: Engine = "auto",
    precision: Precision = "auto",
    pooling: Pooling = None,
    columns: Columns = None,
    media_root: MediaRoot = None,
    encoding: Encoding = None,
    skip_bad_rows: SkipBadRows = False,
    trust_recipe_code: TrustRecipeCode = False,
) -> None:
    """Turn every sentence, or every row of a table, into a vector, in the file's order.

    Memory does not grow with a .txt file, nor with the vectors. A blank line gets the vector of the empty text: row k is line k.
    """
    for name, value, valid in (("engine", engine, ENGINES), ("precision", precision, PRECISIONS)):
        if value not in valid:
            raise RecipeError(f"--{name}: {value!r} is not one; {choices(value, valid)}")
    refuse_missing(model, None if str(rows) == STDIN else rows)
    if out.suffix not in FORMATS:
        raise RecipeError(f"--out {out}: {choices(out.suffix, FORMATS)}")
    refuse_output(out)
    if out.exists() and not (resume or overwrite):
        raise RecipeError(f"{out} is there already: replace it with --overwrite, or choose another --out")
    from polysense.cli.predict import say_which_seed
    from polysense.inference.begun_vectors import is_begun, noted_engine, refuse_begun
    from polysense.inference.predictor import load
    from polysense.inference.row_source import open_rows
    from polysense.inference.vector_file import unlike, vector_file
    from polysense.inference.vector_origin import VectorOrigin

    if resume and (noted := noted_engine(out)):  # what the machine chose before, it might not choose today
        chosen = dict(zip(("engine", "precision"), noted.split(", "), strict=True))
        engine = chosen["engine"] if engine == "auto" else engine
        precision = chosen["precision"] if precision == "auto" else precision
    loaded = load(model, pooling=pooling, trust_recipe_code=trust_recipe_code, engine=engine, precision=precision)  # type: ignore[arg-type]
    say_which_seed(loaded, model)
    width = loaded.width(part=part, shared=shared)
    source = (
        _of_stdin(context, encoding, columns, media_root)
        if str(rows) == STDIN
        else open_rows(
            rows,
            columns=read_columns(columns),
            media_root=media_root,
            encoding=encoding or "utf-8",
            skip_bad_rows=skip_bad_rows,
            reads=loaded.modalities if part is None else (part,),
        )
    )
    _tell(source, "stdin" if str(rows) == STDIN else str(rows))
    made_from = {
        "input": source.digest,
        "model": loaded.fingerprint(),
        "engine": loaded.engine(source.rows, part=part, shared=shared),
        "part": str(part),
        "shared": str(shared),
        "normalize": str(normalize),
        "read as": repr((columns, encoding, str(media_root))),
    }
    if not (resume or overwrite):
        refuse_begun(out, rows=source.rows, width=width, made_from=made_from)
    if resume and out.exists() and not is_begun(out):
        why = unlike(out, rows=source.rows, width=width, made_from=made_from)
        if not why:
            say(f"{out} is whole: all {source.rows:,} vectors are there already")
            return
        if not overwrite:
            raise RecipeError(f"{out} {why}: replace it with --overwrite")
    origin = VectorOrigin.of(loaded, model, part=part, shared=shared, rows=source.rows, blank=source.blank)
    file = vector_file(out, rows=source.rows, width=width, made_from=made_from, resume=resume, origin=origin)
    if file.done:
        say(f"{file.done:,} of {source.rows:,} rows are there already")
    began, before = time.monotonic(), file.done
    try:
        with file, open_bar("encoding", "rows", total=source.rows, begun=file.done, leave=False) as shown:
            _write(
                loaded, source, file, lambda done: shown.update(done - shown.n), part=part, shared=shared, normalize=normalize
            )
    except KeyboardInterrupt:
        say("go on with the same command and --resume")
        raise
    if cut := loaded.take_cut():
        say(f"warning: {loaded.told_cut(cut, source.rows - before)}")
    rate = (source.rows - before) / max(time.monotonic() - began, 1e-9)
    say(f"{source.rows:,} vectors of width {width}: {out} ({rate:,.0f} a second; {made_from['engine']})")


def _of_stdin(context: typer.Context, encoding: str | None, columns: str | None, media_root: Path | None) -> RowSource:
    """Its lines, kept in a file until the command ends: they are counted and checked before the first is encoded."""
    from polysense.inference.row_source import Lines

    if columns:
        raise RecipeError("--columns: what comes from stdin has no columns, every line is a text")
    if media_root is not None:
        raise RecipeError("--media-root: what comes from stdin names no pictures, every line is a text")
    folder = Path(context.with_resource(tempfile.TemporaryDirectory()))
    with (folder / "stdin.txt").open("wb") as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
    return Lines(folder / "stdin.txt", encoding=encoding or "utf-8", name="stdin")


def _tell(source: RowSource, called: str) -> None:
    """What a user should know about the rows."""
    for note in source.notes:
        say(note)
    if source.blank:
        lines = "1 blank line gets" if source.blank == 1 else f"{source.blank:,} blank lines get"
        say(f"{called}: {lines} the vector of the empty text, so that row k is line k")


def _write(
    model: Predictor,
    source: RowSource,
    file: VectorFile,
    advance: Callable[[int], object],
    *,
    part: str | None,
    shared: bool,
    normalize: bool,
) -> None:
    for block in source.blocks(BLOCK, start=file.done):
        begin = file.done

        def tell(done: int, total: int, begin: int = begin) -> None:
            del total
            advance(begin + done)

        vectors = model.encode(block, part=part, shared=shared, normalize=normalize, expect=source.rows, progress=tell)
        names = [source.name(begin + place) for place in range(len(block))]
        file.append(vectors, names, [_text(item) for item in block])
    file.finish()


def _text(item: str | Sample) -> str | None:
    return item if isinstance(item, str) else item.text
