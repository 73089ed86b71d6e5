from __future__ import annotations

from pathlib import Path

import pytest

from polysense.errors import RecipeError
from polysense.recipe import load_recipe
from polysense.training.arguments import training_arguments


def test_what_the_recipe_says_wins(tmp_path: Path) -> None:
    recipe = load_recipe("social/posts_concat", ["training.eval_strategy=steps", "training.eval_steps=7", "training.seed=5"])
    arguments = training_arguments(recipe, tmp_path, seed=3)
    assert (arguments.eval_steps, arguments.save_steps, arguments.save_strategy) == (7, 7, "steps")
    assert arguments.seed == 3
    assert arguments.metric_for_best_model == "weighted_f1"
    assert arguments.report_to == []
    assert not arguments.remove_unused_columns


def test_by_default_it_is_judged_and_saved_every_epoch(tmp_path: Path) -> None:
    arguments = training_arguments(load_recipe("social/posts_concat"), tmp_path, seed=0)
    assert (arguments.eval_strategy, arguments.save_strategy) == ("epoch", "epoch")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.eval_strategy='no'", "training.eval_strategy: write 'steps' or 'epoch'"),
        ("training.lr_scheduler_type=sideways", "training: .*sideways"),
    ],
)
def test_a_value_that_the_trainer_refuses_is_named(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        training_arguments(load_recipe("social/posts_concat", [override]), tmp_path, seed=0)
