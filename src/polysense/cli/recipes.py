"""``polysense recipes``: the experiments that come with the package."""

from __future__ import annotations

from typing import Annotated

import typer

from polysense.cli.options import Json
from polysense.cli.output import print_json, print_table

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="List the recipes, or show one in full."
)


@app.command("list")
def list_command(json: Json = False) -> None:
    """List the recipes of the package by name."""
    from polysense.recipe import list_recipes

    recipes = list_recipes()
    if json:
        print_json(recipes)
    else:
        print_table(("recipe", "what it is"), list(recipes.items()))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A recipe's name (social/mvsa_concat) or a YAML file.")],
    json: Json = False,
) -> None:
    """Show a recipe with its base merged in, as the YAML that `train` reads."""
    from polysense.recipe import show_recipe

    text = show_recipe(name)
    if json:
        import yaml

        print_json(yaml.safe_load(text))
    else:
        typer.echo(text.rstrip())
