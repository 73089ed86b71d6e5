"""A page about mined knowledge: the strongest words a side, the aspects with what is said of them, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from polysense.knowledge.entries import NEGATIVE, POSITIVE, Entry
from polysense.knowledge.knowledge import AspectSummary, Knowledge
from polysense.report.figure import ACCENT, CONTRAST, INK, RULE, any_writing, drawing, unread
from polysense.report.section import environment, render
from polysense.report.sides import ROW, sides_figure
from polysense.report.whole import write_page

WORDS = 25
"""Words a side that are drawn."""

ASPECTS = 25
"""Aspects that are drawn."""


def write_knowledge_report(knowledge: Knowledge, path: Path, *, title: str = "Sentiment knowledge") -> Path:
    """Write one self-contained HTML file. Equal knowledge gives equal bytes. Raises DataError where it cannot be written."""
    return write_page(path, knowledge_html(knowledge, title=title))


def knowledge_html(knowledge: Knowledge, *, title: str) -> str:
    """The whole page."""
    aspects = knowledge.summary()
    sides = [knowledge.strongest(side) for side in (NEGATIVE, POSITIVE)]
    return render(
        "knowledge.html",
        title=title,
        knowledge=knowledge,
        record=knowledge.record,
        mined=[len(side) for side in sides],
        seeds=sum(known.seed for known in knowledge.words.values()),
        figures=[
            words_figure(sides[side][:WORDS], name=name, colour=colour)
            for side, name, colour in ((POSITIVE, "praise", ACCENT), (NEGATIVE, "blame", CONTRAST))
            if sides[side]
        ],
        aspects=aspects[:ASPECTS],
        number_of_aspects=len(aspects),
        aspects_figure=aspects_figure(aspects[:ASPECTS]) if aspects else None,
        style=Markup(environment().get_template("style.css").render()),  # noqa: S704 (our own file)
    )


def words_figure(words: Sequence[tuple[str, Entry]], *, name: str, colour: str) -> Markup:
    """A bar a word, from the strongest on, as long as its score is large."""
    label = f"The strongest words of {name} and their scores"
    with any_writing(), drawing(width=420, height=56 + ROW * len(words), name=f"words-{name}", label=label) as drawn:
        axes = drawn.axes
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        places = range(len(words))
        axes.barh(places, [abs(known.score) for _, known in words], height=0.62, color=colour)
        axes.set_yticks(places, [unread(word) for word, _ in words], color=INK)
        axes.set_ylim(len(words) - 0.4, -0.6)
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_color(RULE)
        axes.set_xlabel(f"score of {name}")
    return drawn.svg


def aspects_figure(aspects: Sequence[AspectSummary]) -> Markup:
    """What stands next to every aspect."""
    rows = [(one.aspect, one.positive, one.negative, 0) for one in aspects]
    return sides_figure(rows, label="Aspects: how often blame and praise stand next to them", unit="times")
