"""A saved model: the resolved recipe, the weights, and what its encoders need to be rebuilt without a network."""

from __future__ import annotations

from pathlib import Path

from polysense.errors import PolysenseError, RecipeError, display
from polysense.learner import Learner
from polysense.recipe import Recipe, read_saved
from polysense.training.folder import RECIPE, WEIGHTS
from polysense.training.self_check import write_self_check
from polysense.training.trainer import load_weights, save_weights


def write_assets(folder: Path, recipe: Recipe, learner: Learner) -> None:
    """All but the weights: ``recipe.yaml``, ``encoders/<modality>/`` with configurations and preprocessing, what objectives keep."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")
    for name in learner.model.encoders:
        assets = folder / "encoders" / name
        assets.mkdir(parents=True, exist_ok=True)
        learner.model.encoder(name).save_assets(assets)
    for name in learner.objectives:
        learner.objective(name).save_assets(folder)


def write_model(folder: Path, recipe: Recipe, learner: Learner) -> None:
    """A folder that :func:`read_model` reads back, without what objectives remember of the training rows."""
    kept = {name: learner.objective(name).forgetful() for name in learner.objectives}
    recipe = recipe.with_objectives({name: arguments for name, (_, arguments) in kept.items()})
    forgetful = Learner(
        learner.model,
        {name: one for name, (one, _) in kept.items()},
        learner.weights,
        turns=learner.turns,
        seed=learner.seed,
        modality_dropout=learner.modality_dropout,
    )
    forgetful.micro_step.copy_(learner.micro_step)
    forgetful.train(learner.training)  # the model is the same one, and goes on in the mode that it is in
    write_assets(folder, recipe, forgetful)
    save_weights(forgetful, folder / WEIGHTS)
    write_self_check(folder, forgetful)


def read_model(folder: Path, *, trust_recipe_code: bool = False, seed: int = 0) -> tuple[Recipe, Learner]:
    """The recipe and the learner, in evaluation mode.

    Raises:
        RecipeError: there is no recipe, or it names code outside this package and is not trusted.
        PolysenseError: the weights are missing, truncated, or another model's.
    """
    if not folder.is_dir():
        raise RecipeError(f"there is no folder {display(folder)}")
    recipe = read_saved(folder, trust_recipe_code=trust_recipe_code)
    if not (folder / WEIGHTS).is_file():
        raise PolysenseError(f"{display(folder)} has a recipe but no {WEIGHTS}: the run has not been finished")
    learner = recipe.build(seed=seed, assets=folder)
    load_weights(learner, folder / WEIGHTS)
    for name in learner.objectives:
        learner.objective(name).load_assets(folder)
    return recipe, learner.eval()
