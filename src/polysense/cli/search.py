"""``polysense search``: the rows of a collection that are nearest to a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polysense.cli.options import Columns, Encoding, Json, MediaRoot, Pooling, SkipBadRows, TrustRecipeCode, read_columns
from polysense.cli.output import print_json, print_table
from polysense.cli.paths import refuse_missing
from polysense.errors import RecipeError
from polysense.progress import bar, say

if TYPE_CHECKING:
    from polysense.inference.predictor import Predictor
    from polysense.inference.search import Hit, Index

app = typer.Typer(rich_markup_mode=None, add_completion=False)

VECTORS = (".npy", ".parquet")
"""What `polysense encode` writes."""

ROWS_ELSEWHERE = "--rows is for an .npy file, whose rows stand elsewhere"

SHOWN = 72
"""Characters of a text in the table."""


@app.command()
def search(
    model: Annotated[str, typer.Argument(metavar="X", help="A run, a saved model, a Hugging Face id, or minilm.")],
    collection: Annotated[
        Path, typer.Argument(help="A .txt file, a table, or the .npy or .parquet that `polysense encode` wrote with X.")
    ],
    query: Annotated[list[str] | None, typer.Option(help="A text to look for; as often as you like.")] = None,
    queries: Annotated[Path | None, typer.Option(help="A .txt file with a query a line, or a table.")] = None,
    image: Annotated[list[Path] | None, typer.Option(help="A picture to look for; as often as you like.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Rows for each query.")] = 5,
    threshold: Annotated[float | None, typer.Option(help="Only rows whose cosine is at least this.")] = None,
    part: Annotated[str | None, typer.Option(help="Embed the collection by this modality alone.")] = None,
    shared: Annotated[
        bool,
        typer.Option("--shared", help="In the space that text and picture share: one finds the other. Given --image, always."),
    ] = False,
    rows: Annotated[
        Path | None, typer.Option(help="The rows of an .npy file, to show them: the file that was encoded.")
    ] = None,
    backend: Annotated[
        str, typer.Option(help="exact; faiss (the same answers) or hnsw (faster, may miss rows) of extra search.")
    ] = "exact",
    pooling: Pooling = None,
    columns: Columns = None,
    media_root: MediaRoot = None,
    encoding: Encoding = None,
    skip_bad_rows: SkipBadRows = False,
    trust_recipe_code: TrustRecipeCode = False,
    json: Json = False,
) -> None:
    """Find the nearest rows of a collection by the cosine of their vectors.

    Vectors that `polysense encode` wrote are searched with the model that made them; others are refused.
    """
    if not (query or queries or image):
        raise RecipeError("name what to look for: --query, --queries or --image")
    if any(not text.strip() for text in query or ()):
        raise RecipeError("--query: is empty, and an empty text means nothing that could be looked for")
    if rows is not None and collection.suffix not in VECTORS:
        raise RecipeError(ROWS_ELSEWHERE)
    refuse_missing(model, collection, queries, rows, *(image or ()))
    from polysense.cli.predict import say_which_seed
    from polysense.inference.collection import refuse_others
    from polysense.inference.predictor import load

    loaded = load(model, pooling=pooling, trust_recipe_code=trust_recipe_code)
    say_which_seed(loaded, model)
    index = loaded.index(part=part, shared=shared or bool(image), backend=backend)  # type: ignore[arg-type]
    options = _Reading(read_columns(columns), media_root, encoding or "utf-8", skip_bad_rows)
    refuse_others(collection, loaded, model, part=part, shared=shared or bool(image))
    _fill(index, loaded, collection, rows, options, part=part, shared=shared or bool(image))
    asked = _queries(query or [], queries, image or [])
    hits = index.search([row for _, row in asked], top, threshold)
    if json:
        print_json(
            [{"query": name, "hits": [_as_dict(hit) for hit in found]} for (name, _), found in zip(asked, hits, strict=True)]
        )
        return
    for (name, _), found in zip(asked, hits, strict=True):
        typer.echo(f"{_shortened(name)}")
        columns_shown = ["id", "text", *(["image"] if any("image" in hit.item for hit in found) else [])]
        print_table(
            ("score", *columns_shown),
            [[hit.score, *(_shortened(hit.item.get(name)) for name in columns_shown)] for hit in found],
        )
        typer.echo("")


@dataclass(frozen=True, slots=True)
class _Reading:
    """How files are read."""

    columns: dict[str, str]
    media_root: Path | None
    encoding: str
    skip_bad_rows: bool


def _fill(
    index: Index, model: Predictor, collection: Path, rows: Path | None, reading: _Reading, *, part: str | None, shared: bool
) -> None:
    from polysense.inference.collection import described, read_vectors, rows_of
    from polysense.inference.row_source import open_rows

    written = read_vectors(collection)
    if written is not None:
        vectors, items = written
        if rows is not None:
            items = rows_of(rows, vectors=len(vectors), columns=reading.columns, encoding=reading.encoding)
        kept = _not_blank(items)
        index.add_vectors(vectors[kept] if len(kept) < len(items) else vectors, [items[row] for row in kept])
        return
    if rows is not None:
        raise RecipeError(ROWS_ELSEWHERE)
    source = open_rows(
        collection,
        columns=reading.columns,
        media_root=reading.media_root,
        encoding=reading.encoding,
        skip_bad_rows=reading.skip_bad_rows,
    )
    for note in source.notes:
        say(note)
    every = [item for block in source.blocks(1 << 16) for item in block]
    items = described(source)
    kept = _not_blank(items)
    with bar("encoding", "rows") as advance:
        vectors = model.encode([every[row] for row in kept], part=part, shared=shared, progress=advance)
    index.add_vectors(vectors, [items[row] for row in kept])


def _not_blank(items: Sequence[dict[str, Any]]) -> list[int]:
    """The places of the rows that mean something, each of which notes its number; those of an empty text alone are told."""
    for row, item in enumerate(items):
        item["row"] = row
    kept = [row for row, item in enumerate(items) if item.get("text") is None or item["text"].strip() or "image" in item]
    if blank := len(items) - len(kept):
        say(f"{'1 row with an empty text is' if blank == 1 else f'{blank:,} rows with an empty text are'} never found")
    return kept


def _queries(texts: Sequence[str], file: Path | None, images: Sequence[Path]) -> list[tuple[str, Any]]:
    """Each query as it is shown, and as a row."""
    from polysense.inference.row_source import open_rows

    found: list[tuple[str, Any]] = [(text, text) for text in texts]
    if file is not None:
        source = open_rows(file)
        if source.blank:
            say(f"{file}: {'1 blank line is' if source.blank == 1 else f'{source.blank:,} blank lines are'} not looked for")
        for block in source.blocks(1 << 16):
            found += [(item if isinstance(item, str) else item.text or item.id, item) for item in block if item]
    return found + [(str(path), {"image": path}) for path in images]


def _as_dict(hit: Hit) -> dict[str, object]:
    return {"row": hit.item["row"], "score": hit.score, **hit.item}


def _shortened(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."
