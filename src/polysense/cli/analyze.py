"""``polysense analyze``: what a table of reviews says, review by review and aspect by aspect."""

from __future__ import annotations

import json as jsonlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polysense.cli.options import Columns, Encoding, Json, SkipBadRows, TrustRecipeCode, read_columns
from polysense.cli.output import print_json, print_table
from polysense.errors import DataError, RecipeError, choices, display
from polysense.progress import open_bar, say

if TYPE_CHECKING:
    from polysense.inference.analysis import Analysis, Analyst
    from polysense.inference.aspect_summary import Summary
    from polysense.inference.grouped_summary import GroupedSummary
    from polysense.inference.row_source import RowSource
    from polysense.knowledge import Knowledge

app = typer.Typer(rich_markup_mode=None, add_completion=False)

REVIEWS, PAGE = "reviews.jsonl", "report.html"
BLOCK = 512
"""Reviews that are read and answered at a time."""

SHOWN = 20
"""Aspects on stdout."""

EXAMPLES = 8
"""Reviews in the report, of the first that speak of an aspect."""


@app.command()
def analyze(
    reviews: Annotated[
        Path,
        typer.Argument(metavar="REVIEWS", help="A .txt file with a review a line, a CSV, TSV, JSON lines or Parquet table."),
    ],
    out: Annotated[Path, typer.Option(help="The folder for reviews.jsonl, summary.json and report.html.")],
    knowledge: Annotated[
        Path | None, typer.Option(help="A lexicon with pairs, as `mine` writes it: evidence, and answers where no model is.")
    ] = None,
    polarity: Annotated[str | None, typer.Option(help="A model that classifies texts: a run, a folder, an id.")] = None,
    terms: Annotated[str | None, typer.Option(help="A model that marks the aspects of a text.")] = None,
    aspects: Annotated[str | None, typer.Option(help="A model that classifies the aspects of a text.")] = None,
    role: Annotated[str, typer.Option(help="Of the marked parts that are aspects.")] = "aspect",
    by: Annotated[str | None, typer.Option(help="A column of the table: sum up for each of its values too.")] = None,
    columns: Columns = None,
    encoding: Encoding = None,
    skip_bad_rows: SkipBadRows = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over the analysis that is in the folder.")] = False,
    trust_recipe_code: TrustRecipeCode = False,
    json: Json = False,
) -> None:
    """Find the polarity of every review, the aspects that it speaks of, what it says of them, and the words that say it.

    Any of the three models may be left out: knowledge then answers by weighing words. Prints a summary by aspect, and where the
    table has labels, how many reviews were found to be what theirs says.
    """
    if (out / REVIEWS).exists() and not overwrite:
        raise RecipeError(f"{display(out)} holds an analysis already; --overwrite writes over it")
    from polysense.inference.row_source import open_rows
    from polysense.report.analysis import write_analysis_report
    from polysense.training.checkpoints import write_whole

    analyst = _analyst(knowledge, polarity, terms, aspects, role, trust_recipe_code)
    source = open_rows(
        reviews, columns=read_columns(columns), encoding=encoding or "utf-8", skip_bad_rows=skip_bad_rows, reads=("text",)
    )
    groups = None if by is None else _grouped(source, by)
    for note in source.notes:
        say(note)
    summary, examples = _read(analyst, source, out, groups)
    title = f"Reviews: {reviews.name}"
    report = write_analysis_report(summary, examples, out / PAGE, by=_by(analyst), title=title, groups=groups)
    counted = summary.as_dict() | ({} if groups is None else {"by": groups.as_dict()})
    write_whole(out / "summary.json", jsonlib.dumps(counted, ensure_ascii=False, indent=1) + "\n")
    say(f"written: {display(out / REVIEWS)}, {display(report)}")
    if json:
        print_json(counted)
    else:
        _print(summary)
        if groups is not None:
            _print_groups(groups)
    if 2 * summary.without_evidence > summary.read and analyst.knowledge is not None:
        _doubt_language(analyst.knowledge)
    if summary.errors:
        from polysense.inference.aspect_summary import reviews as counted_reviews

        raise DataError(f'{summary.errors:,} of {counted_reviews(summary.reviews)} could not be read; see "error" in {REVIEWS}')


def _analyst(
    knowledge: Path | None, polarity: str | None, terms: str | None, aspects: str | None, role: str, trust: bool
) -> Analyst:
    if knowledge is None and polarity is None and terms is None:
        raise RecipeError("nothing to analyse with: name --knowledge, --polarity or --terms")
    from polysense.inference.analysis import Analyst
    from polysense.inference.predictor import load
    from polysense.knowledge import Knowledge

    models = {
        name: None if source is None else load(source, trust_recipe_code=trust)
        for name, source in (("polarity", polarity), ("terms", terms), ("aspects", aspects))
    }
    return Analyst(knowledge=None if knowledge is None else Knowledge.read(knowledge), role=role, **models)


def _by(analyst: Analyst) -> dict[str, str]:
    """What answered which question, in words."""
    weighed = "" if analyst.knowledge is None else "words of the lexicon, weighed"
    nouns = "" if analyst.knowledge is None else "nouns beside sentiment words"
    found = {
        "polarity": analyst.polarity.source if analyst.polarity else weighed,
        "aspects": analyst.terms.source if analyst.terms else nouns,
        "what is thought of them": analyst.aspects.source if analyst.aspects else weighed,
    }
    return {question: Path(answer).as_posix() for question, answer in found.items() if answer}


def _grouped(source: RowSource, column: str) -> GroupedSummary:
    from polysense.inference.grouped_summary import GroupedSummary
    from polysense.inference.row_source import TableRows

    if not isinstance(source, TableRows):
        raise RecipeError("--by: a text file has no columns")
    others = sorted({name for sample in source.table.samples for name in sample.extra})
    if column not in others:
        raise RecipeError(f"--by: {column!r} is no column beside those that are read; {choices(column, others)}")
    return GroupedSummary(column)


def _read(analyst: Analyst, source: RowSource, out: Path, groups: GroupedSummary | None) -> tuple[Summary, list[Analysis]]:
    """Write a line a review; the counts over all, and the first few that speak of an aspect."""
    from polysense.inference.aspect_summary import Summary

    summary = Summary()
    examples: list[Analysis] = []
    with (
        _whole(out / REVIEWS) as file,
        file.open("w", encoding="utf-8", errors="replace") as lines,
        open_bar("reading", "reviews", total=source.rows) as shown,
    ):
        for start, block in zip(range(0, source.rows, BLOCK), source.blocks(BLOCK), strict=True):
            samples = source.samples(block, start)
            for analysis in analyst.read(samples):
                summary.add(analysis)
                if groups is not None:
                    groups.add(analysis)
                lines.write(jsonlib.dumps(analysis.as_dict(), ensure_ascii=False) + "\n")
                if any(seen.tells for seen in analysis.aspects) and len(examples) < EXAMPLES:
                    examples.append(analysis)
            shown.update(len(block))
    return summary, examples


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A name to write under; the file is at ``path`` when all was written, or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)  # noqa: PTH105 (one step)
    finally:
        part.unlink(missing_ok=True)


def _doubt_language(knowledge: Knowledge) -> None:
    language = {"en": "English", "zh": "Chinese"}[knowledge.language]
    message = f"most reviews hold no word of the lexicon, whose language is {language}: is it that of the reviews?"
    warnings.warn(message, stacklevel=2)


def _print(summary: Summary) -> None:
    from polysense.inference.aspect_summary import reviews

    said = ", ".join(f"{count:,} {label}" for label, count in summary.labels.most_common())
    typer.echo(f"{reviews(summary.reviews)}{': ' if said else ''}{said}")
    for note in summary.notes():
        typer.echo(note)
    if summary.against:
        _print_agreement(summary)
    typer.echo("")
    aspects = summary.aspects()
    if not aspects:
        typer.echo("no aspects were found")
        return
    classes = summary.classes
    print_table(
        ("aspect", "mentions", "opinions", *classes, "words"),
        [
            [
                one.aspect,
                one.mentions,
                one.opinions,
                *(one.labels[name] for name in classes),
                ", ".join(word for word, _ in one.words.most_common(5)),
            ]
            for one in aspects[:SHOWN]
        ],
    )
    if len(aspects) > SHOWN:
        typer.echo(f"… and {len(aspects) - SHOWN:,} more in summary.json")


def _print_agreement(summary: Summary) -> None:
    from polysense.inference.aspect_summary import reviews

    labelled = summary.against.total()
    if summary.agreement is None:
        names = ", ".join(sorted({target for target, _ in summary.against}))
        typer.echo(f"the labels of {reviews(labelled)} ({names}) are other classes than those that were found: not compared")
    else:
        noun = "review was" if labelled == 1 else "reviews were"
        typer.echo(f"{summary.agreement:.1%} of {labelled:,} labelled {noun} found to be what their label says")


def _print_groups(groups: GroupedSummary) -> None:
    from polysense.inference.grouped_summary import PRAISE_AND_BLAME, spoken_of
    from polysense.inference.label_sides import by_side

    found = groups.groups()
    classes = sorted({label for _, one in found for label in one.labels}, key=by_side)
    typer.echo("")
    print_table(
        (groups.column, "reviews", *classes, "praised", "blamed"),
        [
            [
                name or "(empty)",
                one.reviews,
                *(one.labels[label] for label in classes),
                *(", ".join(aspect.aspect for aspect in spoken_of(one, side)) for side in PRAISE_AND_BLAME),
            ]
            for name, one in found[:SHOWN]
        ],
    )
    if len(found) > SHOWN:
        typer.echo(f"… and {len(found) - SHOWN:,} more in summary.json")
