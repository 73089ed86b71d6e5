"""The rules by which scores are measured follow the data, unless the recipe names them; what does not fit is told."""

from __future__ import annotations

import pytest

from polysense.data.table import Table
from polysense.evaluation.sentiment import SentimentRegression
from polysense.recipe import load_recipe
from polysense.training.score_rules import following, score_rules, unfitting
from polysense.types import Sample


def table(*scores: float, score_range: tuple[float, float] | None = None) -> Table:
    samples = tuple(Sample(id=str(row), text="x", score=score) for row, score in enumerate(scores))
    return Table(name="clips", samples=samples, score_range=score_range)


@pytest.mark.parametrize(
    ("score_range", "rules"), [((-1.0, 1.0), "sims"), ((-3.0, 3.0), "mosi"), ((0.0, 10.0), "mosi"), (None, "mosi")]
)
def test_rules_follow_the_range_of_the_scores(score_range: tuple[float, float] | None, rules: str) -> None:
    recipe = load_recipe("self_mm/clips")
    assert recipe.evaluation.evaluators[0].arguments["dataset"] is None
    found = following(recipe, table(0.5, score_range=score_range))
    assert found.evaluation.evaluators[0].arguments["dataset"] == rules
    assert score_rules(found.written()) == rules
    assert SentimentRegression().dataset == score_rules(recipe.written()) == "mosi"


def test_a_recipe_that_names_its_rules_keeps_them_and_is_told() -> None:
    recipe = load_recipe("self_mm/sims")
    wide = table(0.5, score_range=(-3, 3))
    assert following(recipe, wide) == recipe
    assert unfitting(recipe, wide) == [
        "clips: its scores, from -3 to 3, are measured by the rules of sims, which are for scores from -1 to 1: "
        "train with --set evaluation.evaluators.0.dataset=mosi"
    ]


@pytest.mark.parametrize(
    ("rules", "data", "said"),
    [
        ("mosi", table(2, score_range=(-3, 3)), None),
        ("mosi", table(0.5, -2), None),
        ("sims", table(0.5, -1), None),
        ("mosi", table(), None),
        ("mosi", table(0.5, -1), "none of which is further than 1 from 0, are measured by the rules of mosi"),
        ("sims", table(0.5, -2), "none of which is further than 2 from 0, are measured by the rules of sims"),
        ("mosi", table(5, score_range=(0, 10)), "MAE and Corr mean what they say, the accuracies and sides do not"),
        ("mosi", table(7), "MAE and Corr mean what they say, the accuracies and sides do not"),
    ],
)
def test_rules_for_another_scale_are_told(rules: str, data: Table, said: str | None) -> None:
    recipe = load_recipe(
        "self_mm/clips", [f"evaluation.evaluators=[{{class_path: SentimentRegression, init_args: {{dataset: {rules}}}}}]"]
    )
    lines = unfitting(recipe, data)
    assert len(lines) == (said is not None)
    assert said is None or said in lines[0]


def test_what_measures_no_sentiment_is_left_alone() -> None:
    recipe = load_recipe("social/posts_text")
    data = table(0.5, score_range=(-1, 1))
    assert following(recipe, data) == recipe
    assert unfitting(recipe, data) == []
