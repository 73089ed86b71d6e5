"""``polysense rewrite``: other texts for captions, and how well text alone tells them from the captions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polysense.cli.options import Columns, Encoding, Json, MediaRoot, SkipBadRows, read_split
from polysense.cli.output import print_json, print_table
from polysense.errors import DataError, RecipeError, display
from polysense.progress import bar, say

if TYPE_CHECKING:
    from polysense.knowledge.rewriting import Rewrites, Translator

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def rewrite(
    captions: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CAPTIONS]", help="A table with the columns text and image, or the folder of a corpus of captions."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder for rewrites.parquet and rewriting.json.")] = None,
    control: Annotated[
        Path | None, typer.Option(help="A folder that this command wrote: print its counts and its control again.")
    ] = None,
    corpus: Annotated[str | None, typer.Option(help="The corpus in the folder; by default recognised by its files.")] = None,
    split: Annotated[str, typer.Option(help="Which captions are read; rewrites of others would leak into training.")] = "train",
    seed: Annotated[int, typer.Option(min=0, help="Of all draws.")] = 0,
    positive: Annotated[int, typer.Option(min=0, help="Texts that say the same, for a caption, at most.")] = 4,
    sentence: Annotated[int, typer.Option(min=0, help="Captions of other pictures, at most.")] = 8,
    phrase: Annotated[int, typer.Option(min=0, help="With one noun phrase exchanged, at most.")] = 4,
    word: Annotated[int, typer.Option(min=0, help="With one noun, attribute or relation exchanged, at most.")] = 4,
    draw: Annotated[str, typer.Option(help="How replacements are drawn: balanced, context, uniform.")] = "balanced",
    min_count: Annotated[int, typer.Option(min=1, help="Times that exchanged words stand in the captions, at least.")] = 3,
    factor: Annotated[float, typer.Option(min=1, help="How much rarer or more frequent a replacement may be.")] = 4.0,
    ranks: Annotated[int, typer.Option(min=1, help="How far down the ranking captions of other pictures are taken.")] = 100,
    related: Annotated[
        Path | None, typer.Option(help="Words that never replace each other: a word, a tab, those related to it, a line.")
    ] = None,
    translate: Annotated[
        str | None,
        typer.Option(
            metavar="THERE,BACK", help="Two translation models (Hugging Face ids or folders): also say captions by them."
        ),
    ] = None,
    columns: Columns = None,
    media_root: MediaRoot = None,
    encoding: Encoding = None,
    skip_bad_rows: SkipBadRows = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over a table that was made from something else.")
    ] = False,
    json: Json = False,
) -> None:
    """Make texts that say the same as a caption, and texts that say almost the same of no such picture. Needs the extra knowledge.

    The same command goes on after a kill. Beside the counts stands the control: how often a classifier that sees no picture prefers
    the caption to its rewrite. Chance is 0.5.
    """
    from polysense.knowledge.rewriting import Caption, Rewrites
    from polysense.knowledge.rewriting import rewrite as run

    if control is not None:
        if captions is not None or out is not None:
            raise RecipeError("--control prints a table that was made; without CAPTIONS and --out")
        _print(Rewrites.read(control), control, json=json)
        return
    if captions is None or out is None:
        raise RecipeError("name the CAPTIONS and the folder --out; or a folder that was made, --control")
    from polysense.cli.captions import read_captions
    from polysense.cli.options import read_columns

    wanted = read_split(split)
    rows = read_captions(
        captions,
        corpus=corpus,
        split=wanted,
        columns=read_columns(columns),
        media_root=media_root,
        encoding=encoding,
        skip_bad_rows=skip_bad_rows,
    )
    began = time.perf_counter()
    with bar("rewriting", "captions") as progress:
        found = run(
            map(Caption.of, rows),
            seed=seed,
            per_level={"positive": positive, "sentence": sentence, "phrase": phrase, "word": word},
            min_count=min_count,
            factor=factor,
            draw=draw,  # type: ignore[arg-type]
            ranks=ranks,
            related=None if related is None else _read_related(related),
            translator=None if translate is None else _translator(translate),
            split=wanted,
            folder=out,
            overwrite=overwrite,
            progress=progress,
        )
    say(f"{len(found):,} rewrites in {time.perf_counter() - began:.1f} s; written to {display(out)}")
    _print(found, out, json=json)


def _read_related(path: Path) -> dict[str, list[str]]:
    from polysense.data.lines import read_lines

    related: dict[str, list[str]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        word, _, others = line.lower().partition("\t")
        if not line.strip():
            continue
        if not word.strip() or not others.split():
            raise DataError(f"{display(path)}, line {number}: a word, a tab, and the words related to it are expected")
        related.setdefault(word.strip(), []).extend(others.split())
    return related


def _translator(text: str) -> Translator:
    there, comma, back = text.partition(",")
    if not (comma and there.strip() and back.strip()):
        raise RecipeError("--translate: two models are expected, into another language and back: THERE,BACK")
    from polysense.inference.back_translation import BackTranslation

    return BackTranslation(there.strip(), back.strip())


def _print(found: Rewrites, folder: Path, *, json: bool) -> None:
    from polysense.knowledge.rewriting.control import hides

    record = found.record
    control: Mapping[str, Mapping[str, Any]] = record.get("control", {})
    if json:
        print_json(
            {"folder": str(folder), "counts": found.counts, "control": control, "digest": found.digest, "record": dict(record)}
        )
        return
    captions = record.get("captions", {})
    typer.echo(f"{captions.get('captions', 0):,} captions of {captions.get('pictures', 0):,} pictures\n")
    print_table(
        ("level", "rewrites", "text alone prefers the caption", "from", "to", "pairs asked"),
        [(level, count, *_told(control.get(level))) for level, count in found.counts.items()],
    )
    if hidden := [level for level, told in control.items() if hides(told["high"])]:
        typer.echo(
            f"\n{' and '.join(hidden)}: below chance. A word that was taken out more often where the classifier learned was put in\n"
            "more often where it was asked; how far text alone could tell is hidden behind that"
        )


def _told(told: Mapping[str, Any] | None) -> tuple[object, ...]:
    """The cells of a level's control; none where it has no rewrites."""
    if told is None:
        return None, None, None, None
    return "too few to tell" if told["accuracy"] is None else told["accuracy"], told["low"], told["high"], told["pairs"]
