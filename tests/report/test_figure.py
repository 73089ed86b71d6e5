from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from polysense.report.curves import running_mean
from polysense.report.figure import ACCENT, VARIABLES, drawing


def line(name: str, label: str = "a line") -> str:
    with drawing(width=200, height=100, name=name, label=label) as drawn:
        drawn.axes.plot([0, 1], [0, 1], "o-", color=ACCENT)
        drawn.axes.set_xlabel("steps & more")
    return str(drawn.svg)


def test_it_is_svg_of_the_size_asked_for() -> None:
    root = ET.fromstring(line("one"))
    assert root.tag == "svg"
    assert root.attrib["viewBox"] == "0 0 200 100"


def test_colours_and_font_are_those_of_the_page() -> None:
    svg = line("one")
    assert "var(--accent)" in svg
    assert not any(colour in svg for colour in VARIABLES)
    assert "var(--sans)" in svg
    assert "DejaVu" not in svg


def test_text_stays_text() -> None:
    assert any(element.text == "steps & more" for element in ET.fromstring(line("one")).iter("text"))


def test_two_figures_share_no_id() -> None:
    one, two = (set(re.findall(r'\bid="([^"]+)"', line(name))) for name in ("one", "two"))
    assert one
    assert not one & two


def test_a_name_that_somebody_chose_is_only_letters_and_digits() -> None:
    svg = line('x"><script>\\1')
    assert "<script" not in svg
    assert ET.fromstring(svg).tag == "svg"


def test_the_label_is_escaped() -> None:
    assert ET.fromstring(line("one", 'a "quoted" <label> & more')).attrib["aria-label"] == 'a "quoted" <label> & more'


@pytest.mark.parametrize("window", [1, 2, 5, 100])
def test_running_mean(window: int) -> None:
    values = np.random.default_rng(0).normal(size=30)
    half = window // 2
    wanted = [values[max(0, place - half) : place + half + 1].mean() for place in range(30)]
    np.testing.assert_allclose(running_mean(values, window), wanted)


def test_grey_is_named_where_it_can_be_seen() -> None:
    from polysense.report.sides import sides_figure

    for neither, named in ((0, False), (1, False), (40, True)):
        figure = sides_figure([("room", 1000, 900, neither), ("staff", 10, 10, 0)], label="x", unit="times")
        assert ("neither" in figure) is named
