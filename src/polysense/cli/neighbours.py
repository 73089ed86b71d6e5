"""``polysense neighbours``: unpaired sentences near to captions, and unpaired pictures near to pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polysense.cli.options import Columns, Encoding, Json, MediaRoot, SkipBadRows, read_split
from polysense.cli.output import print_json, print_table
from polysense.cli.paths import refuse_missing
from polysense.cli.skipped import Skipped
from polysense.errors import DataError, RecipeError, display
from polysense.progress import bar, say

if TYPE_CHECKING:
    from polysense.data.neighbours import Neighbours
    from polysense.types import Sample

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def neighbours(
    captions: Annotated[
        Path,
        typer.Argument(
            metavar="CAPTIONS", help="A table with the columns text and image, or the folder of a corpus of captions."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder for texts.parquet, images.parquet and neighbours.json.")],
    texts: Annotated[Path | None, typer.Option(help="Unpaired sentences: a .txt file with one a line, or a table.")] = None,
    images: Annotated[Path | None, typer.Option(help="Unpaired pictures: a folder, with those of folders in it.")] = None,
    encoder: Annotated[
        str, typer.Option(help="Of the pictures: a packaged one, a folder, or a Hugging Face id.")
    ] = "efficientnet-lite0",
    pool: Annotated[int, typer.Option(min=1, help="Neighbours of a caption or a picture, at most.")] = 100,
    column: Annotated[str, typer.Option(help="The column of a table of --texts that holds the sentences.")] = "text",
    corpus: Annotated[str | None, typer.Option(help="The corpus in the folder; by default recognised by its files.")] = None,
    split: Annotated[str, typer.Option(help="Which captions are read.")] = "train",
    columns: Columns = None,
    media_root: MediaRoot = None,
    encoding: Encoding = None,
    skip_bad_rows: SkipBadRows = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over tables that were made from something else.")
    ] = False,
    json: Json = False,
) -> None:
    """Find for each caption the nearest of other sentences (TF-IDF), and for each picture the nearest of other pictures.

    The same command goes on after a kill; vectors of pictures stay in the cache.
    A folder whose tables were made from something else is refused without --overwrite; with it, one of other captions is removed.
    """
    from polysense.cli.captions import read_captions
    from polysense.cli.options import read_columns
    from polysense.knowledge.rewriting import Caption
    from polysense.knowledge.rewriting.corpus import CaptionCorpus

    if texts is None and images is None:
        raise RecipeError("name what is unpaired: --texts, --images, or both")
    refuse_missing(texts, images)
    rows = read_captions(
        captions,
        corpus=corpus,
        split=read_split(split),
        columns=read_columns(columns),
        media_root=media_root,
        encoding=encoding,
        skip_bad_rows=skip_bad_rows,
    )
    paired = CaptionCorpus.of(map(Caption.of, rows)).digest
    made = []
    if texts is not None:
        skipped = Skipped() if skip_bad_rows else None
        made.append(_texts(rows, texts, column, encoding or "utf-8", out, pool, paired, overwrite, skipped))
    if images is not None:
        made.append(_images(rows, images, encoder, out, pool, paired, overwrite))
    summary = [_summary(one) for one in made]
    say(f"written to {display(out)}")
    if json:
        print_json({"out": str(out), **{one["of"]: one for one in summary}})
    else:
        print_table(tuple(summary[0]), [tuple(one.values()) for one in summary])


def _texts(
    rows: Sequence[Sample],
    texts: Path,
    column: str,
    encoding: str,
    out: Path,
    pool: int,
    paired: str,
    overwrite: bool,
    skipped: Skipped | None,
) -> Neighbours:
    from polysense.knowledge.retrieval import text_neighbours
    from polysense.knowledge.texts import read_texts

    with bar("sentences", "captions") as progress:
        unpaired = list(read_texts(texts, column=column, encoding=encoding, skip=skipped))
        if skipped is not None:
            skipped.tell_rest()
        return text_neighbours(
            [row.text or "" for row in rows],
            unpaired,
            pool=pool,
            folder=out,
            paired=paired,
            overwrite=overwrite,
            progress=progress,
        )


def _images(
    rows: Sequence[Sample], folder: Path, encoder: str, out: Path, pool: int, paired: str, overwrite: bool
) -> Neighbours:
    from polysense.inference.picture_vectors import picture_vectors, pictures_in
    from polysense.knowledge.retrieval import image_neighbours
    from polysense.knowledge.rewriting import Caption

    own = {Caption.of(row).picture: row.image for row in rows}
    files = {name: image for name, image in own.items() if isinstance(image, Path)}
    if len(files) < len(own):
        raise DataError(f"{len(own) - len(files)} of {len(own)} pictures are no files; neighbours are found for files")
    vectors = {}
    for what, found in (("paired", files), ("unpaired", pictures_in(folder))):
        with bar(f"{what} pictures", "pictures") as progress:
            vectors[what] = picture_vectors(found, encoder, progress=progress)
    with bar("pictures", "pictures") as progress:
        return image_neighbours(
            vectors["paired"],
            vectors["unpaired"],
            pool=pool,
            folder=out,
            pictures=str(folder.resolve()),
            made_by=encoder,
            paired=paired,
            overwrite=overwrite,
            progress=progress,
        )


def _summary(made: Neighbours) -> dict[str, object]:
    scores = made.table["score"]
    return {
        "of": made.kind,
        "keys": len(made),
        "neighbours": len(made.table),
        "mean score": scores.mean(),
        "first": made.table.filter(made.table["rank"] == 1)["score"].mean(),
    }
