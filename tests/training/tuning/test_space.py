from __future__ import annotations

import pytest

from polysense.errors import RecipeError
from polysense.recipe import load_recipe
from polysense.training.tuning.space import Choices, Range, read_space, settings_in, value_at


def test_ranges_and_choices() -> None:
    assert read_space(["objectives.itc.weight=0.05:0.5:log", "training.warmup_steps=0:0.2", "a.b=1:8:log:int", "c=x, y,3"]) == {
        "objectives.itc.weight": Range(low=0.05, high=0.5, log=True),
        "training.warmup_steps": Range(low=0.0, high=0.2),
        "a.b": Range(low=1, high=8, log=True, whole=True),
        "c": Choices(values=("x", "y", "3")),
    }


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "name what is tuned"),
        (["a"], "write entry=low:high"),
        (["a=1:2", "a=3:4"], "a stands there twice"),
        (["a=2:1"], "2 is not below 1"),
        (["a=0:1:log"], "on a logarithmic scale numbers are above 0"),
        (["a=1:2:lg"], "'lg' is neither; did you mean 'log'"),
        (["a=1:x"], "1 and x must be numbers"),
        (["a=1.5:3:int"], "must be whole numbers"),
        (["a=1"], "two or more different values"),
        (["a=1,1"], "two or more different values"),
        (["a=1e-3,0.001,1e-4"], "two or more different values"),
        (["corpora.0.labels=10,20"], "cannot be tuned"),
    ],
    ids=str,
)
def test_what_is_no_space_is_refused_in_a_sentence(texts: list[str], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        read_space(texts)


def test_the_recipes_own_values_are_found_where_they_are() -> None:
    recipe = load_recipe("social/posts_concat_both").written()
    assert value_at(recipe, "objectives.contrast.weight") == 0.1
    assert value_at(recipe, "objectives.contrast.shared_width") == 512
    assert value_at(recipe, "training.learning_rates.fusion") == 5e-4
    assert value_at(recipe, "encoders.text.pretrained") == "minilm"
    assert value_at(recipe, "corpora.0.encoding") == "utf-8"
    assert value_at(recipe, "objectives.contrast.nothing") is None
    assert value_at(recipe, "training.learning_rate.deeper") is None


def test_settings_are_counted_where_there_is_an_end_of_them() -> None:
    assert settings_in(read_space(["a=1:8:int", "b=x,y"])) == 16
    assert settings_in(read_space(["a=1:8", "b=x,y"])) is None


def test_a_value_is_inside_or_not() -> None:
    assert Range(low=0.1, high=0.5).own(0.1) == 0.1
    assert Range(low=1, high=8, whole=True).own(8) == 8
    assert Range(low=1, high=8, whole=True).own(2.5) is None
    assert Range(low=0.1, high=0.5).own(0.6) is None
    assert Range(low=0.1, high=0.5).own("x") is None
    assert Choices(values=("1e-3", "2e-3")).own(0.001) == "1e-3"
    assert Choices(values=("cls", "mean")).own("mean") == "mean"
    assert Choices(values=("cls", "mean")).own("max") is None
