"""A page about many reviews: how they are meant as a whole, and what they say of each aspect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from polysense.inference.analysis import Analysis
from polysense.inference.aspect_summary import AspectCounts, Summary
from polysense.report.figure import ACCENT, CONTRAST, INK, MUTED, RULE, any_writing, drawing, unread
from polysense.report.section import environment, render
from polysense.report.whole import write_page

ASPECTS = 25
"""Aspects that are drawn and listed."""

EXAMPLES = 8
"""Reviews that are shown."""

ROW = 19
"""CSS pixels of a bar."""


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
    """A bar to each side of every aspect: blame to the left, praise to the right, neither of them in grey behind the praise."""
    label = "Aspects: in how many mentions they are praised and blamed"
    with any_writing(), drawing(width=460, height=56 + ROW * len(aspects), name="aspects", label=label) as drawn:
        axes = drawn.axes
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        places = range(len(aspects))
        praised = [one.count("positive") for one in aspects]
        axes.barh(places, praised, height=0.62, color=ACCENT)
        axes.barh(places, [-one.count("negative") for one in aspects], height=0.62, color=CONTRAST)
        axes.barh(places, [one.count("other") for one in aspects], left=praised, height=0.62, color=RULE)
        axes.axvline(0, color=MUTED, linewidth=1)
        axes.set_yticks(places, [unread(one.aspect) for one in aspects], color=INK)
        axes.set_ylim(len(aspects) - 0.4, -0.6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_color(RULE)
        axes.set_xlabel("blamed   |   praised, then neither (grey), mentions")
    return drawn.svg


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
