"""A page about many reviews: how they are meant as a whole, and what they say of each aspect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from markupsafe import Markup

from polysense.inference.analysis import Analysis
from polysense.inference.aspect_summary import AspectCounts, Summary
from polysense.inference.grouped_summary import PRAISE_AND_BLAME, GroupedSummary, spoken_of
from polysense.inference.label_sides import Side, by_side, side
from polysense.report.section import environment, render
from polysense.report.sides import sides_figure
from polysense.report.whole import write_page

ASPECTS = 25
"""Aspects that are drawn and listed."""

GROUPS = 50
"""Values of a column that are drawn and listed."""

EXAMPLES = 8
"""Reviews that are shown."""


def write_analysis_report(
    summary: Summary,
    examples: Sequence[Analysis],
    path: Path,
    *,
    by: Mapping[str, str],
    title: str = "Reviews",
    groups: GroupedSummary | None = None,
) -> Path:
    """Write one self-contained HTML file. Equal input gives equal bytes. Raises DataError where it cannot be written.

    Args:
        summary: of all reviews.
        examples: some of them.
        path: the file.
        by: what answered which question, in words.
        title: of the page.
        groups: the same by a column.
    """
    grouped = [] if groups is None else groups.groups()
    aspects = summary.aspects()
    shown = [one for one in aspects[:ASPECTS] if one.labels]
    page = render(
        "analysis.html",
        title=title,
        summary=summary,
        by=by,
        aspects=aspects[:ASPECTS],
        number_of_aspects=len(aspects),
        classes=summary.classes,
        figure=aspects_figure(shown) if shown else None,
        against=against(summary),
        column=None if groups is None else groups.column,
        groups=[(name, one, {wanted: spoken_of(one, wanted) for wanted in PRAISE_AND_BLAME}) for name, one in grouped[:GROUPS]],
        number_of_groups=len(grouped),
        group_classes=sorted({label for _, one in grouped for label in one.labels}, key=by_side),
        groups_figure=groups_figure(grouped[:GROUPS]) if grouped else None,
        examples=[(one, marked(one)) for one in examples[:EXAMPLES]],
        against_shown=any(
            word.agrees is False for one in examples[:EXAMPLES] for seen in one.aspects for word in seen.evidence
        ),
        style=Markup(environment().get_template("style.css").render()),  # noqa: S704 (our own file)
    )
    return write_page(path, page)


def against(summary: Summary) -> tuple[list[str], list[tuple[str, list[int]]]]:
    """What was found of the reviews of each label of the table: the classes found, and each label with its counts."""
    found = sorted({label for _, label in summary.against}, key=by_side)
    targets = sorted({target for target, _ in summary.against}, key=by_side)
    return found, [(target, [summary.against[target, label] for label in found]) for target in targets]


def groups_figure(groups: Sequence[tuple[str, Summary]]) -> Markup:
    """How the reviews of every group are meant as a whole."""
    rows = []
    for name, one in groups:
        counts = {
            wanted: sum(count for label, count in one.labels.items() if side(label) == wanted) for wanted in get_args(Side)
        }
        rows.append((name or "(empty)", counts["positive"], counts["negative"], counts["other"]))
    return sides_figure(rows, label="Groups: how many reviews praise and blame", unit="reviews", name="groups")


def aspects_figure(aspects: Sequence[AspectCounts]) -> Markup:
    """What is thought of every aspect."""
    rows = [(one.aspect, one.count("positive"), one.count("negative"), one.count("other")) for one in aspects]
    return sides_figure(rows, label="Aspects: how often they are praised and blamed", unit="opinions")


def marked(analysis: Analysis) -> list[tuple[str, str, str]]:
    """The text in pieces (text, kind, what is said of it).

    The kind is ``aspect``, or empty, or of a word ``positive`` or ``negative``, with ``against`` where a model says otherwise.
    """
    pieces: dict[int, tuple[int, str, str]] = {}
    for seen in analysis.aspects:
        pieces[seen.start] = (seen.end, "aspect", seen.opinion.label if seen.opinion and seen.tells else "")
        for word in seen.evidence:
            said = "negated" if word.negated else word.polarity
            against = word.agrees is False
            kind = f"{word.polarity} against" if against else word.polarity
            pieces.setdefault(word.start, (word.end, kind, f"{said}, against what the model says" if against else said))
    parts, at = [], 0
    for start in sorted(pieces):
        end, kind, said = pieces[start]
        if start < at:
            continue
        parts += [(analysis.text[at:start], "", ""), (analysis.text[start:end], kind, said)]
        at = end
    return [part for part in (*parts, (analysis.text[at:], "", "")) if part[0]]
