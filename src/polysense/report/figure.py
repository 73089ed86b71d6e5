"""Figures: one look for all of them, drawn by matplotlib, returned as inline SVG.

Colours are drawn as stand-ins and replaced by the page's CSS variables, so that a figure follows the light or dark page. Text
stays text. Equal figures give equal bytes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, MUTED, RULE, ACCENT, CONTRAST, PAPER = "#010203", "#010204", "#010205", "#010206", "#010207", "#010208"
VARIABLES = {INK: "ink", MUTED: "muted", RULE: "rule", ACCENT: "accent", CONTRAST: "contrast", PAPER: "paper"}

LOOK: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "polysense",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 11.0,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11.0,
    "axes.edgecolor": RULE,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "ytick.major.size": 0.0,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}


class Drawing:
    """A figure while it is drawn, and its SVG afterwards."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.axes: Axes = figure.add_subplot()
        self.svg = Markup("")


@contextmanager
def drawing(*, width: int, height: int, name: str, label: str) -> Iterator[Drawing]:
    """Draw a figure of ``width`` x ``height`` CSS pixels; ``label`` says what it shows.

    ``name``, of letters and digits, is unique on the page. After the ``with`` block, ``.svg`` holds the figure.
    """
    with mpl.rc_context(LOOK):
        figure = Figure(figsize=(width / 72, height / 72), dpi=72, layout="constrained")
        FigureCanvasSVG(figure)
        drawn = Drawing(figure)
        yield drawn
        page = StringIO()
        figure.savefig(page, format="svg", metadata={"Date": None, "Creator": None})
    drawn.svg = inlined(page.getvalue(), name=name, label=label, size=(width, height))


def inlined(svg: str, *, name: str, label: str, size: tuple[int, int]) -> Markup:
    """A matplotlib SVG file as part of a page: no prolog, no global style, ids of its own, the page's colours and font."""
    inner = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    inner = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", inner, flags=re.DOTALL)
    own = re.sub(r"[^a-z0-9]+", "-", name.lower())  # a name may come from a folder that somebody else made
    inner = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{own}-", inner).replace("xlink:href", "href")
    inner = re.sub(r"(font(?:-family)?: *[^;\"]*?)'DejaVu Sans'[^;\"]*", r"\g<1>var(--sans)", inner)
    for colour, variable in VARIABLES.items():
        inner = inner.replace(colour, f"var(--{variable})")
    inner = re.sub(r"\n\s*", "\n", inner)
    title = escape(label)
    return Markup(  # noqa: S704 (matplotlib escapes the texts it draws)
        f'<svg viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{title}"><title>{title}</title>{inner}</svg>'
    )


@contextmanager
def any_writing() -> Iterator[None]:
    """Words that the font of the drawing lacks are no trouble: the text stays text, and the page's font shows it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        yield


def unread(word: str) -> str:
    """A word as matplotlib is given it, so that it reads no formula in it."""
    return word.replace("$", r"\$")
