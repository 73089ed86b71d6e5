from __future__ import annotations

import pytest

from polysense.knowledge.plurals import one_name


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("movie", "movies"),
        ("battery", "batteries"),
        ("case", "cases"),
        ("glass", "glasses"),
        ("box", "boxes"),
        ("dish", "dishes"),
        ("knife", "knives"),
        ("shelf", "shelves"),
        ("woman", "women"),
        ("child", "children"),
        ("menu", "menus"),
        ("front camera", "front cameras"),
        ("battery life", "battery lives"),
        ("add-on", "add-ons"),
    ],
)
def test_a_plural_goes_with_its_singular_where_both_are_there(singular: str, plural: str) -> None:
    assert one_name([plural, singular, "screen"]) == {plural: singular, singular: singular, "screen": "screen"}
    assert one_name([plural]) == {plural: plural}


@pytest.mark.parametrize(
    ("one", "other"),
    [("news", "new"), ("lens", "len"), ("princess", "princes"), ("gas", "ga"), ("cameras", "front camera"), ("味道", "味")],
)
def test_what_merely_looks_like_a_plural_stays_apart(one: str, other: str) -> None:
    assert one_name([one, other]) == {one: one, other: other}
