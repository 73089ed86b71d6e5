"""A bar to each side of every name: blame to the left, praise to the right."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from polysense.report.figure import ACCENT, CONTRAST, INK, MUTED, RULE, any_writing, drawing, unread

ROW = 19
"""CSS pixels of a bar."""

Sides = tuple[str, int, int, int]
"""A name, and how often it is praised, blamed, neither."""


def sides_figure(rows: Sequence[Sides], *, label: str, unit: str, name: str = "aspects") -> Markup:
    """A picture of ``rows``, as long as they are often; neither of the two stands in grey behind the praise."""
    with any_writing(), drawing(width=460, height=56 + ROW * len(rows), name=name, label=label) as drawn:
        axes = drawn.axes
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        places = range(len(rows))
        praised = [praise for _, praise, _, _ in rows]
        neither = [rest for *_, rest in rows]
        axes.barh(places, praised, height=0.62, color=ACCENT)
        axes.barh(places, [-blame for _, _, blame, _ in rows], height=0.62, color=CONTRAST)
        longest = max((max(praise + rest, blame) for _, praise, blame, rest in rows), default=0)
        seen = max(neither, default=0) > longest / 200  # of about 400 pixels: fewer are no grey that anyone sees
        if any(neither):
            axes.barh(places, neither, left=praised, height=0.62, color=RULE)
        axes.axvline(0, color=MUTED, linewidth=1)
        axes.set_yticks(places, [unread(name) for name, *_ in rows], color=INK)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_color(RULE)
        axes.set_xlabel(f"blamed   |   praised{', then neither (grey)' if seen else ''}, {unit}")
    return drawn.svg
