"""``polysense search``: the rows of a collection that are nearest to a query."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polysense.cli.options import Columns, Encoding, Json, MediaRoot, Pooling, SkipBadRows, TrustRecipeCode, read_columns
from polysense.cli.output import print_json, print_table
from polysense.cli.paths import refuse_missing, refuse_output
from polysense.errors import DataError, RecipeError, choices, display
from polysense.progress import bar, say

if TYPE_CHECKING:
    import numpy as np

    from polysense.inference.predictor import Predictor
    from polysense.inference.row_source import RowSource
    from polysense.inference.search import Hit, Index

app = typer.Typer(rich_markup_mode=None, add_completion=False)

VECTORS = (".npy", ".parquet")
"""What `polysense encode` writes."""

PAGE = ".html"
"""The ending of a page of what was found."""

INDEX_OF_PICTURES = (
    "--index keeps the vectors of pictures: look in a folder of pictures, or in a table with --text or --part image"
)

ROWS_ELSEWHERE = "--rows is for an .npy file, whose rows stand elsewhere"

SHOWN = 72
"""Characters of a text in the table."""


@app.command()
def search(
    model: Annotated[str, typer.Argument(metavar="X", help="A run, a saved model, a Hugging Face id, or minilm.")],
    collection: Annotated[
        Path,
        typer.Argument(
            help="A folder of pictures, a .txt or .txt.gz file, a table, or the .npy or .parquet that `polysense encode` wrote with X."
        ),
    ],
    text: Annotated[
        list[str] | None, typer.Option(help="A text that looks for pictures, in a folder or a table; as often as you like.")
    ] = None,
    query: Annotated[list[str] | None, typer.Option(help="A text to look for; as often as you like.")] = None,
    queries: Annotated[Path | None, typer.Option(help="A .txt or .txt.gz file with a query a line, or a table.")] = None,
    image: Annotated[list[Path] | None, typer.Option(help="A picture to look for; as often as you like.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Rows for each query.")] = 5,
    rerank: Annotated[
        int | None, typer.Option(min=1, help="Read the nearest so many together with the query, and put them in order anew.")
    ] = None,
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
    index: Annotated[
        Path | None, typer.Option(help="Keep the vectors of the pictures in this folder; by default in the cache.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write what was found, with the pictures, into this .html file.")] = None,
    pooling: Pooling = None,
    columns: Columns = None,
    media_root: MediaRoot = None,
    encoding: Encoding = None,
    skip_bad_rows: SkipBadRows = False,
    trust_recipe_code: TrustRecipeCode = False,
    json: Json = False,
) -> None:
    """Find the nearest rows of a collection by the cosine of their vectors.

    Vectors that `polysense encode` wrote are searched with the model that made them; others are refused. The vectors of pictures are
    kept, and only new or changed pictures are encoded again.
    """
    if not (text or query or queries or image):
        raise RecipeError("name what to look for: --query, --queries, --image, or --text for a text that looks for pictures")
    for option, given in (("--text", text), ("--query", query)):
        if any(not one.strip() for one in given or ()):
            raise RecipeError(f"{option}: is empty, and an empty text means nothing that could be looked for")
    if rows is not None and collection.suffix not in VECTORS:
        raise RecipeError(ROWS_ELSEWHERE)
    if rerank is not None and rerank < top:
        raise RecipeError(f"--rerank {rerank}: put at least as many in order as are shown (--top {top})")
    refuse_missing(model, collection, queries, rows, *(image or ()))
    if out is not None:
        if out.suffix.lower() != PAGE:
            raise RecipeError(f"--out {out}: what was found is written as a page; {choices(out.suffix, [PAGE])}")
        refuse_output(out)
    from polysense.cli.predict import say_which_seed
    from polysense.data.picture_folder import holds_pictures
    from polysense.inference.collection import holds_vectors, refuse_others
    from polysense.inference.predictor import load

    reading = _Reading(read_columns(columns), media_root, encoding or "utf-8", skip_bad_rows)
    reading.refuse_unused([file for file in (rows or collection, queries) if file is not None and not holds_vectors(file)])
    loaded = load(model, pooling=pooling, trust_recipe_code=trust_recipe_code)
    say_which_seed(loaded, model)
    if text and "image" not in loaded.modalities:
        raise RecipeError(
            f"--text: looks for pictures, and {model} reads {' and '.join(loaded.modalities)}; --query looks for a text"
        )
    in_folder = holds_pictures(collection)  # the id of a row is then the picture's path
    pictures = bool(text) or in_folder
    shared, part = shared or pictures or bool(image), part or ("image" if pictures else None)
    there = loaded.index(part=part, shared=shared, backend=backend)  # type: ignore[arg-type]
    refuse_others(collection, loaded, model, part=part, shared=shared)
    samples = _fill(there, loaded, collection, rows, reading, part=part, shared=shared, kept_in=index)
    asked = _queries([*(text or []), *(query or [])], queries, image or [], reading)
    hits = there.search([row for _, row in asked], rerank or top, threshold)
    if rerank is not None:
        if samples is None:
            raise RecipeError(
                "--rerank reads the rows themselves: name the pictures, the texts or the table in the place of vectors"
            )
        if loaded.judges_blindly:
            say(
                f"warning: {model} was trained without rewritten captions: reading together, it has seen no text with another picture, "
                "and its order may be no better than that of the first stage"
            )
        with bar("reading together", "pairs") as advance:
            ordered = loaded.rerank([row for _, row in asked], hits, rows=samples, progress=advance)
        hits = [every[:top] for every in ordered]
    if out is not None:
        _write_page(out, asked, hits, samples, title=f"{len(there):,} {'pictures' if part == 'image' else 'rows'} searched")
    if json:
        print_json(
            [{"query": name, "hits": [_as_dict(hit) for hit in found]} for (name, _), found in zip(asked, hits, strict=True)]
        )
        return
    for (name, _), found in zip(asked, hits, strict=True):
        typer.echo(f"{_shortened(name)}")
        columns_shown = [
            "id",
            *(["text"] if not pictures or any(hit.item.get("text") for hit in found) else []),
            *(["image"] if not in_folder and any("image" in hit.item for hit in found) else []),
        ]
        scores = ["score"] if rerank is None else ["fit", "score"]
        print_table(
            (*scores, *columns_shown),
            [
                [*(getattr(hit, name) for name in scores), *(_shortened(hit.item.get(name)) for name in columns_shown)]
                for hit in found
            ],
        )
        typer.echo("")


@dataclass(frozen=True, slots=True)
class _Reading:
    """How files are read: each of them so, as far as it is a table."""

    columns: dict[str, str]
    media_root: Path | None
    encoding: str
    skip_bad_rows: bool

    def open(self, file: Path, *, reads: Collection[str] | None = None, decode: bool = True) -> RowSource:
        """Its rows; of all media if it is not said which are read."""
        from polysense.data.rows import MEDIA
        from polysense.inference.row_source import is_table, open_rows

        table = is_table(file)
        return open_rows(
            file,
            columns=self.columns if table else None,
            media_root=self.media_root if table else None,
            encoding=self.encoding,
            skip_bad_rows=self.skip_bad_rows,
            reads=MEDIA if reads is None else reads,
            decode=decode,
        )

    def refuse_unused(self, files: Sequence[Path]) -> None:
        """Raise where an option says how a table is read, and none of the files is one."""
        from polysense.inference.row_source import is_table

        if any(is_table(file) for file in files):
            return
        named = {
            "--columns": self.columns,
            "--media-root": self.media_root,
            "--skip-bad-rows": self.skip_bad_rows and not files,
        }
        for option, given in named.items():
            if given:
                raise RecipeError(f"{option}: no table is read, neither as the collection, --rows nor --queries")


def _fill(
    index: Index,
    model: Predictor,
    collection: Path,
    rows: Path | None,
    reading: _Reading,
    *,
    part: str | None,
    shared: bool,
    kept_in: Path | None,
) -> list[Any] | None:
    """Put the collection into the index; its rows, by their number there, where they are known."""
    from polysense.inference.collection import described, read_vectors, refuse_unequal
    from polysense.inference.search import meaningful
    from polysense.inference.vector_origin import read_origin

    written = read_vectors(collection)
    if written is not None:
        if kept_in is not None:
            raise RecipeError(INDEX_OF_PICTURES)
        vectors, items = written
        if rows is not None:
            # Rows that were left out are those whose pictures could not be used, too: they are looked at as `encode` did.
            source = reading.open(rows, reads=((part,) if part else model.modalities) if reading.skip_bad_rows else ())
            refuse_unequal(rows, source, vectors=len(vectors))
            items = described(source)
        elif collection.suffix == ".npy":
            say(
                f"{display(collection)} holds vectors alone: name the file that was encoded with --rows, and its texts are shown"
            )
            if (origin := read_origin(collection)) is not None and origin.blank:
                blank = "1 row" if origin.blank == 1 else f"{origin.blank:,} rows"
                say(f"{blank} with an empty text may be found: --rows says which they are, and leaves them out")
        kept = meaningful(_numbered(items))
        index.add_vectors(vectors[kept] if len(kept) < len(items) else vectors, [items[row] for row in kept])
        return None
    if rows is not None:
        raise RecipeError(ROWS_ELSEWHERE)
    source = reading.open(collection, reads=model.modalities, decode=part != "image")  # kept vectors need no picture opened
    for note in source.notes:
        say(note)
    every = [item for block in source.blocks(1 << 16) for item in block]
    items, kept = _numbered(described(source)), meaningful(every)
    if part == "image":
        kept, vectors = _pictures(model, collection, every, kept, reading, shared=shared, kept_in=kept_in)
    elif kept_in is not None:
        raise RecipeError(INDEX_OF_PICTURES)
    else:
        with bar("encoding", "rows") as advance:
            vectors = model.encode([every[row] for row in kept], part=part, shared=shared, progress=advance)
    index.add_vectors(vectors, [items[row] for row in kept])
    return [every[row] for row in kept]


def _pictures(
    model: Predictor,
    collection: Path,
    every: Sequence[Any],
    kept: Sequence[int],
    reading: _Reading,
    *,
    shared: bool,
    kept_in: Path | None,
) -> tuple[list[int], np.ndarray]:
    """The rows whose pictures can be used, and their vectors, from the disk where they are there."""
    from polysense.data.picture_folder import holds_pictures
    from polysense.inference.picture_index import PictureIndex, default_root, index_folder

    width = model.width(part="image", shared=shared)  # first: it refuses what the model does not read
    pictured = [row for row in kept if not isinstance(every[row], str) and every[row].image is not None]
    if not pictured:
        raise DataError(f"{display(collection)} holds no pictures")
    if less := len(kept) - len(pictured):
        say(f"{'1 row without a picture is' if less == 1 else f'{less:,} rows without a picture are'} never found")
    shown = list({every[row].image: row for row in reversed(pictured)}.values())[::-1]  # the first row of each picture
    if same := len(pictured) - len(shown):
        say(f"{'1 row' if same == 1 else f'{same:,} rows'} with the picture of an earlier one: each picture is found once")
    there = PictureIndex(index_folder(kept_in or default_root(collection), model, shared=shared), width=width)
    found = there.vectors(
        [every[row] for row in shown], lambda some, tell: model.encode_pictures(some, shared=shared, progress=tell)
    )
    faults = [f"{every[shown[place]].id}: {reason}" for place, reason in sorted(found.faults.items())]
    if faults and not (reading.skip_bad_rows or holds_pictures(collection)):
        raise DataError("\n  ".join([f"{display(collection)}: pictures that cannot be used (--skip-bad-rows)", *faults]))
    for fault in faults:
        say(f"skipped: {fault}")
    usable = len(shown) - len(found.faults)
    others = "they are kept" if found.encoded == usable else "the others were kept"
    say(f"{found.encoded:,} of {usable:,} pictures encoded, {others} in {display(there.folder)}")
    sound = [place for place in range(len(shown)) if place not in found.faults]
    if not sound:
        raise DataError(f"{display(collection)}: no picture is left")
    return [shown[place] for place in sound], found.vectors[sound]


def _write_page(
    out: Path, asked: Sequence[tuple[str, Any]], hits: Sequence[Sequence[Hit]], samples: Sequence[Any] | None, *, title: str
) -> None:
    from polysense.report.finds import Found, write_finds

    shown = [(name, _asking_picture(row), every) for (name, row), every in zip(asked, hits, strict=True)]
    found = [Found(name if picture is None else None, picture, every) for name, picture, every in shown]
    say(f"page: {write_finds(found, samples, out, title=title)}")


def _numbered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items, each of which notes its number."""
    for row, item in enumerate(items):
        item["row"] = row
    return items


def _queries(texts: Sequence[str], file: Path | None, images: Sequence[Path], reading: _Reading) -> list[tuple[str, Any]]:
    """Each query as it is shown, and as a row."""
    found: list[tuple[str, Any]] = [(text, text) for text in texts]
    if file is not None:
        source = reading.open(file)
        for note in source.notes:
            say(f"{file}: {note}")
        if source.blank:
            say(f"{file}: {'1 blank line is' if source.blank == 1 else f'{source.blank:,} blank lines are'} not looked for")
        for block in source.blocks(1 << 16):
            found += [(item if isinstance(item, str) else item.text or item.id, item) for item in block if item]
    return found + [(str(path), {"image": path}) for path in images]


def _asking_picture(row: Any) -> Any:
    """The picture of a query that has no text."""
    if isinstance(row, dict):
        return row["image"]
    return None if isinstance(row, str) or (row.text or "").strip() else row.image


def _as_dict(hit: Hit) -> dict[str, object]:
    fit = {} if hit.fit is None else {"fit": hit.fit}
    return {"row": hit.item["row"], "score": hit.score, **fit, **hit.item}


def _shortened(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."
