from __future__ import annotations

import pytest

from polysense.errors import RecipeError
from polysense.recipe import load_recipe
from polysense.training.ablation.signals import SIGNALS, Weighted, read_signals, refuse_missing_columns


def test_names_and_weights() -> None:
    assert read_signals("itc, mlm=0.25") == [Weighted("itc", 0.1), Weighted("mlm", 0.25)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("itmm", "there is no signal 'itmm'; did you mean 'itm'"),
        ("itc,itc=0.2", "'itc' stands there twice"),
        ("itc=much", "a weight is a number between 0 and 1"),
        ("itc=1.5", "a weight is a number between 0 and 1"),
        ("itc=0.6,itm=0.5", "leave nothing for the labels"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(RecipeError) as error:
        read_signals(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", SIGNALS)
def test_every_signal_fits_into_a_recipe(name: str) -> None:
    found = load_recipe("social/posts_concat", [Weighted(name, 0.2).override]).objectives[SIGNALS[name].entry]
    assert found.weight == 0.2
    assert found.part.kind.__name__ == SIGNALS[name].objective
    assert found.part.kind.reads <= set(SIGNALS[name].needs)


def test_a_signal_needs_its_columns() -> None:
    refuse_missing_columns(read_signals("mlm,simcse"), ["text"], table="posts.csv")
    with pytest.raises(RecipeError) as error:
        refuse_missing_columns(read_signals("mlm,itm"), ["text"], table="posts.csv")
    assert str(error.value) == (
        "--signals itm: needs the column 'image', which posts.csv does not have; its columns allow: mlm, simcse"
    )
