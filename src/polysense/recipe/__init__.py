"""Recipes: one experiment as one YAML file, checked against the signatures of the classes it names."""

from polysense.recipe.files import list_recipes, show_recipe
from polysense.recipe.recipe import Recipe, load_recipe, read_saved

__all__ = ["Recipe", "list_recipes", "load_recipe", "read_saved", "show_recipe"]
