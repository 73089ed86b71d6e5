"""Recipes: one experiment as one YAML file, checked against the signatures of the classes it names.

Listing and showing recipes needs no torch, so the parts are imported when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polysense.recipe.files import list_recipes, show_recipe
    from polysense.recipe.recipe import Recipe, load_recipe, read_saved

__all__ = ["Recipe", "list_recipes", "load_recipe", "read_saved", "show_recipe"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "files" if name in {"list_recipes", "show_recipe"} else "recipe"
    return getattr(import_module(f"{__name__}.{home}"), name)
