"""``polysense mine``: sentiment knowledge from plain text."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polysense.cli.options import Columns, Json, SkipBadRows, read_columns
from polysense.cli.output import print_json, print_table
from polysense.cli.paths import refuse_folder
from polysense.cli.skipped import Skipped
from polysense.errors import RecipeError, choices, display
from polysense.progress import bar, say

if TYPE_CHECKING:
    from polysense.knowledge import Knowledge, Seeds
    from polysense.knowledge.tagger import Language, Tag
    from polysense.knowledge.windows import Window

app = typer.Typer(rich_markup_mode=None, add_completion=False)

SHOWN = 15
"""Words a side, and aspects, in the summary."""


@app.command()
def mine(
    texts: Annotated[
        str,
        typer.Argument(
            metavar="TEXTS",
            help="A .txt or .txt.gz file with a text a line, a CSV, TSV, JSON lines or Parquet table; - reads stdin.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder for lexicon.tsv, pairs.tsv, knowledge.json and report.html.")],
    language: Annotated[str, typer.Option(help="Of the texts: en or zh.")] = "en",
    seeds: Annotated[str | None, typer.Option(help="A list of the package; REVIEWS_EN_46 or REVIEWS_ZH_28 by default.")] = None,
    seeds_file: Annotated[
        Path | None, typer.Option(help="A list of your own: a word, a tab, positive or negative a line.")
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(help="What counts as together: sentence (en), document (zh), pattern, or a number of words."),
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="Words a side, at most, beside the seeds.")] = 400,
    min_count: Annotated[
        int | None, typer.Option(min=1, help="Windows with the word; 20, or 8 below 20,000 windows, by default.")
    ] = None,
    min_score: Annotated[float, typer.Option(min=0, help="Size of the score of a word, at least.")] = 0.0,
    min_pair_count: Annotated[int, typer.Option(min=1, help="Times that a pair was seen.")] = 2,
    tags: Annotated[str, typer.Option(help="Kinds of word: of NOUN, ADJ, ADV, VERB, OTHER, or any.")] = "ADJ,ADV,VERB",
    patterns: Annotated[bool, typer.Option(help="Only words that stand in phrases of opinion.")] = True,
    function_words: Annotated[
        bool, typer.Option("--function-words", help="The lexicon may hold auxiliaries, negators, pronouns and the like.")
    ] = False,
    pairs: Annotated[bool, typer.Option(help="Look for aspects too.")] = True,
    smoothing: Annotated[float, typer.Option(min=0, help="Added to each count of a word with a seed.")] = 0.0,
    skip_negated: Annotated[bool, typer.Option("--skip-negated", help="Leave out words behind not, never, ...")] = False,
    columns: Columns = None,
    skip_bad_rows: SkipBadRows = False,
    encoding: Annotated[str, typer.Option(help="The encoding of the texts: latin-1.")] = "utf-8",
    processes: Annotated[int | None, typer.Option(min=1, help="Processes; as many as there are cores by default.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over the knowledge that is in the folder.")] = False,
    json: Json = False,
) -> None:
    """Find which words of your texts praise and which blame, and what they speak of. Needs the extra knowledge."""
    from polysense.knowledge.files import LEXICON
    from polysense.knowledge.mining import all_cores
    from polysense.knowledge.mining import mine as run
    from polysense.knowledge.patterns import PATTERNS
    from polysense.report.knowledge import write_knowledge_report

    if (out / LEXICON).exists() and not overwrite:
        raise RecipeError(f"{display(out)} holds a {LEXICON} already, perhaps edited by hand; --overwrite writes over it")
    refuse_folder(out)
    skipped = Skipped() if skip_bad_rows else None
    began = time.perf_counter()
    with bar("reading", "texts") as progress:
        found = run(
            _texts(texts, _column(columns), encoding, skipped),
            language=_language(language),
            seeds=_seeds(seeds, seeds_file),
            window=_window(window),
            tags=_tags(tags),
            patterns=PATTERNS if patterns else None,
            top=top,
            min_count=min_count,
            min_score=min_score,
            min_pair_count=min_pair_count,
            function_words=function_words,
            smoothing=smoothing,
            skip_negated=skip_negated,
            pairs=pairs,
            processes=processes or all_cores(),
            progress=progress,
        )
    if skipped is not None:
        skipped.tell_rest()
        found = replace(found, record={**found.record, "corpus": found.record["corpus"] | {"skipped rows": skipped.rows}})
    found.write(out)
    write_knowledge_report(found, out / "report.html")
    seconds = time.perf_counter() - began
    size = found.record["corpus"]["texts"]
    say(f"{size:,} texts in {seconds:.1f} s ({size / seconds:,.0f} a second); written to {display(out)}")
    if json:
        print_json(_as_dict(found, out))
    else:
        _print(found)


def _column(columns: str | None) -> str | None:
    """The one that holds the texts, where it was named."""
    named = read_columns(columns)
    for field in named:
        if field != "text":
            raise RecipeError(f"--columns: {field!r} is not read here; text=NAME names the column that holds the texts")
    return named.get("text")


def _texts(name: str, column: str | None, encoding: str, skipped: Skipped | None) -> Iterator[str]:
    from polysense.knowledge.texts import ending, read_stream, read_texts

    if column and (name == "-" or ending(Path(name)).startswith(".txt")):
        raise RecipeError("--columns: a text file has no columns, every line is a text")
    if name != "-":
        return read_texts(Path(name), column=column or "text", encoding=encoding, skip=skipped)
    return read_stream(getattr(sys.stdin, "buffer", None) or (line.encode(encoding) for line in sys.stdin), encoding=encoding)


def _language(name: str) -> Language:
    from polysense.knowledge.tagger import LANGUAGES

    for language in LANGUAGES:
        if language == name:
            return language
    raise RecipeError(f"--language: {name!r} is not known; {choices(name, LANGUAGES)}")


def _seeds(name: str | None, file: Path | None) -> Seeds | None:
    from polysense.knowledge import Seeds

    if name and file:
        raise RecipeError("--seeds and --seeds-file: one of them")
    if file:
        return Seeds.read(file)
    return Seeds.named(name) if name else None


def _window(name: str | None) -> Window | None:
    from polysense.knowledge.windows import check_window

    if name is None:
        return None
    return check_window(int(name) if name.isdecimal() else name)  # type: ignore[arg-type]


def _tags(text: str) -> tuple[Tag, ...] | None:
    from polysense.knowledge.tagger import TAGS

    wanted = [name.strip().upper() for name in text.split(",")]
    if wanted == ["ANY"]:
        return None
    for name in wanted:
        if name not in TAGS:
            raise RecipeError(f"--tags: {name!r} is no kind of word; {choices(name, (*TAGS, 'any'))}")
    return tuple(tag for tag in TAGS if tag in wanted)


def _as_dict(knowledge: Knowledge, out: Path) -> dict[str, Any]:
    from polysense.knowledge import NEGATIVE, POSITIVE

    return {
        "out": str(out),
        "language": knowledge.language,
        "words": len(knowledge.words),
        "pairs": len(knowledge.pairs),
        **{
            name: [
                {"word": word, "score": known.score, "count": known.count} for word, known in knowledge.strongest(side, SHOWN)
            ]
            for name, side in (("positive", POSITIVE), ("negative", NEGATIVE))
        },
        "aspects": [
            {"aspect": aspect.aspect, "positive": aspect.positive, "negative": aspect.negative, "words": list(aspect.words)}
            for aspect in knowledge.summary()[:SHOWN]
        ],
        "corpus": knowledge.record["corpus"],
        "warnings": knowledge.record["warnings"],
    }


def _print(knowledge: Knowledge) -> None:
    from polysense.knowledge import NEGATIVE, POSITIVE

    corpus = knowledge.record["corpus"]
    typer.echo(
        f"{corpus['texts']:,} texts, {corpus['windows']:,} windows: {len(knowledge.words):,} words, {len(knowledge.pairs):,} pairs\n"
    )
    sides = [knowledge.strongest(side, SHOWN) for side in (POSITIVE, NEGATIVE)]
    cells = [[(word, known.score, known.count) for word, known in side] for side in sides]
    empty = (None, None, None)
    rows = [
        [*(cells[0][place] if place < len(cells[0]) else empty), *(cells[1][place] if place < len(cells[1]) else empty)]
        for place in range(max(map(len, cells)))
    ]
    print_table(("praise", "score", "count", "blame", "score", "count"), rows)
    if aspects := knowledge.summary()[:SHOWN]:
        typer.echo("")
        print_table(
            ("aspect", "praised", "blamed", "words"),
            [[aspect.aspect, aspect.positive, aspect.negative, ", ".join(aspect.words[:5])] for aspect in aspects],
        )
