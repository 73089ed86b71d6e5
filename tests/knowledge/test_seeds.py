from __future__ import annotations

from pathlib import Path

import pytest

from polysense.errors import DataError, RecipeError
from polysense.knowledge import Seeds
from polysense.knowledge.seeds import DEFAULTS, seed_lists


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("REVIEWS_EN_46", (23, 23)), ("SKEP_46", (25, 21)), ("TURNEY_LITTMAN_14", (7, 7)), ("REVIEWS_ZH_28", (14, 14))],
)
def test_the_lists_of_the_package(name: str, sizes: tuple[int, int]) -> None:
    seeds = Seeds.named(name)
    assert (len(seeds.positive), len(seeds.negative)) == sizes
    assert seeds.note
    assert ("RECALLED" in seeds.note) == (name in {"SKEP_46", "TURNEY_LITTMAN_14"})
    assert {*DEFAULTS.values(), name} <= set(seed_lists())


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.tsv").write_text("# of my own\nword\tpolarity\nGood\tpositive\n\nbad\tNegative\n", "utf-8")
    seeds = Seeds.read(tmp_path / "mine.tsv")
    assert (seeds.positive, seeds.negative, seeds.name, seeds.note) == (("good",), ("bad",), "mine.tsv", "of my own")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("good\tpositive\n", RecipeError, "no negative word"),
        ("good\tpositive\nGOOD\tnegative\n", RecipeError, "'good' is positive and negative"),
        ("good\tpositive\nbad\tnegativ\n", DataError, "line 2: 'negativ'.*did you mean 'negative'"),
        ("good\n", DataError, "line 1: a word, a tab"),
        ("", DataError, "empty"),
    ],
)
def test_wrong_lists_are_refused(text: str, error: type[Exception], message: str, tmp_path: Path) -> None:
    (tmp_path / "s.tsv").write_text(text, "utf-8")
    with pytest.raises(error, match=message):
        Seeds.read(tmp_path / "s.tsv")


def test_an_unknown_list_is_named_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean 'SKEP_46'"):
        Seeds.named("SKEP_64")
