"""A model by the name that somebody gives it: a run, a saved folder, another library's encoder, or an id of the hub."""

from __future__ import annotations

from pathlib import Path

from polysense.encoders.model_name import may_be_on_hub, no_run
from polysense.encoders.packaged import PACKAGED
from polysense.errors import RecipeError
from polysense.inference.foreign.hub import snapshot
from polysense.inference.foreign.loading import load_foreign
from polysense.learner import Learner
from polysense.recipe import Recipe
from polysense.training.folder import RECIPE, best_folder
from polysense.training.saved import read_model
from polysense.training.self_check import refuse_other_outputs

FILES = ("recipe.yaml", "run.json", "README.md", "model.safetensors", "self_check.json", "encoders/**")
"""What a saved model consists of."""


def find_model(source: str, *, trust_recipe_code: bool, pooling: str | None) -> tuple[str, Recipe, Learner]:
    """Where the model is, what it was trained as, and the learner.

    Raises:
        RecipeError: there is no such folder or model, or its recipe is refused.
        PolysenseError: the weights are missing or damaged, or what comes out is not what came out when they were saved.
    """
    is_here = Path(source).exists()
    folder = Path(source)
    if not is_here and not may_be_on_hub(source):
        raise no_run(folder)
    if is_here or source not in PACKAGED:
        folder = best_folder(folder if is_here else snapshot(source, FILES))
        if (folder / RECIPE).is_file():
            if pooling is not None:
                raise RecipeError(f"pooling: {source} is a model of polysense, and has the pooling that it was trained with")
            recipe, learner = read_model(folder, trust_recipe_code=trust_recipe_code)
            refuse_other_outputs(folder, learner)
            return str(folder), recipe, learner
    name = str(folder) if is_here else source
    foreign = load_foreign(name, pooling=pooling)
    if foreign is None:
        return name, *read_model(folder, trust_recipe_code=trust_recipe_code)  # which says what is missing
    return name, *foreign
