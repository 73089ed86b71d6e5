"""A page about many reviews: how they are meant as a whole, and what they say of each aspect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from polysense.inference.analysis import Analysis
from polysense.inference.aspect_summary import AspectCounts, Summary
from polysense.report.section import environment, render
from polysense.report.sides import sides_figure
from polysense.report.whole import write_page

ASPECTS = 25
"""Aspects that are drawn and listed."""

EXAMPLES = 8
"""Reviews that are shown."""


def write_analysis_report(
    summary: Summary, examples: Sequence[Analysis], path: Path, *, by: Mapping[str, str], title: str = "Reviews"
) -> Path:
    """Write one self-contained HTML file. Equal input gives equal bytes. Raises DataError where it cannot be written.

    Args:
        summary: of all reviews.
        examples: some of them.
        path: the file.
        by: what answered which question, in words.
        title: of the page.
    """
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
        examples=[(one, marked(one)) for one in examples[:EXAMPLES]],
        style=Markup(environment().get_template("style.css").render()),  # noqa: S704 (our own file)
    )
    return write_page(path, page)


def aspects_figure(aspects: Sequence[AspectCounts]) -> Markup:
    """What is thought of every aspect."""
    rows = [(one.aspect, one.count("positive"), one.count("negative"), one.count("other")) for one in aspects]
    return sides_figure(rows, label="Aspects: in how many mentions they are praised and blamed", unit="mentions")


def marked(analysis: Analysis) -> list[tuple[str, str, str]]:
    """The text in pieces (text, kind, what is said of it): kind is ``aspect``, ``positive`` or ``negative`` word, or empty."""
    pieces: dict[int, tuple[int, str, str]] = {}
    for seen in analysis.aspects:
        pieces[seen.start] = (seen.end, "aspect", seen.opinion.label if seen.opinion else "")
        for word in seen.evidence:
            pieces.setdefault(word.start, (word.end, word.polarity, "negated" if word.negated else word.polarity))
    parts, at = [], 0
    for start in sorted(pieces):
        end, kind, said = pieces[start]
        if start < at:
            continue
        parts += [(analysis.text[at:start], "", ""), (analysis.text[start:end], kind, said)]
        at = end
    return [part for part in (*parts, (analysis.text[at:], "", "")) if part[0]]
