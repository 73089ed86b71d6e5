from __future__ import annotations

import pytest
from torch import Tensor

from polysense.errors import RecipeError
from polysense.objectives.classification import Classification
from polysense.objectives.image_text_contrast import ImageTextContrast
from polysense.objectives.objective import Look, Objective
from polysense.recipe import load_recipe
from polysense.recipe.answers import refuse_equal_answers

SECOND = "objectives.emotion={class_path: Classification, init_args: {multi_label: true}}"


class Quiet(Objective):
    """Says nothing at prediction."""

    def forward(self, look: Look) -> Tensor | None:
        raise NotImplementedError


def test_two_of_one_answering_class_are_refused_by_name() -> None:
    with pytest.raises(RecipeError, match=r"objectives\.one and objectives\.three are both Classification"):
        refuse_equal_answers({"one": Classification, "two": ImageTextContrast, "three": Classification})


def test_other_classes_and_those_that_do_not_answer_may_stand_beside_each_other() -> None:
    refuse_equal_answers({"one": Classification, "two": ImageTextContrast, "three": Quiet, "four": Quiet})


def test_a_recipe_with_two_classifications_is_refused_when_it_is_read() -> None:
    with pytest.raises(RecipeError, match=r"objectives\.classification and objectives\.emotion are both Classification"):
        load_recipe("social/posts_concat", [SECOND])


def test_one_of_weight_0_is_not_run_and_so_in_nobodys_way() -> None:
    silent = "objectives.emotion={objective: {class_path: Classification, init_args: {multi_label: true}}, weight: 0}"
    assert load_recipe("social/posts_concat", [silent]).objectives["emotion"].weight == 0
