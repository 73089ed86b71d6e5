"""``polysense recipes``: the experiments that come with the package."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from polysense.cli.options import Json
from polysense.cli.output import print_json
from polysense.errors import RecipeError, choices

if TYPE_CHECKING:
    from polysense.recipe.families import Family

UNTRIED = "Not run here"
"""What the first line of a recipe says of one that takes more than this project's machines have."""

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="List the recipes, or show one in full."
)


@app.command("list")
def list_command(
    family: Annotated[str | None, typer.Argument(help="Only names that begin so: social, social/posts, mcse.")] = None,
    json: Json = False,
) -> None:
    """List the recipes of the package by name; those for data of your own come first."""
    from polysense.recipe import list_recipes

    every = list_recipes()
    recipes = {name: what for name, what in every.items() if name.startswith(family or "")}
    if not recipes:
        raise RecipeError(
            f"no recipe's name begins with {family!r}; {choices(str(family), {name.split('/')[0] for name in every})}"
        )
    if json:
        print_json(recipes)
        return
    families: tuple[Family, ...] = ()
    if family is None:
        recipes, families = folded(recipes)
    own = {name: what for name, what in recipes.items() if "your own" in what.lower() or "your reviews" in what}
    others = {name: what for name, what in recipes.items() if name not in own and UNTRIED not in what}
    untried = {name: what for name, what in recipes.items() if name not in own and name not in others}
    for title, some in (
        ("For data of your own", own),
        ("For published data", others),
        ("At a paper's scale; not run here", untried),
    ):
        if some:
            typer.echo(f"{title}:")
            _print(some)
    for one in families:
        typer.echo(f"In {one.folder}/, by their names:")
        signals = {"<signals>": f"{', '.join(one.signals)}; those of one modality have none"} if one.signals else {}
        _print({"<model>": ", ".join(one.models), **signals})
        typer.echo(f"  polysense recipes list {one.folder} names each of them")


def folded(recipes: Mapping[str, str]) -> tuple[dict[str, str], tuple[Family, ...]]:
    """One entry a table, at the beginning, for the recipes that are put together from parts; and their families."""
    from polysense.recipe.families import composed, families
    from polysense.recipe.files import SHIPPED

    found = families(SHIPPED)
    tables = {
        f"{one.folder}/{table}_<model>{'[_<signals>]' if one.signals else ''}": what
        for one in found
        for table, what in one.tables.items()
    }
    return tables | {name: what for name, what in recipes.items() if name not in composed(SHIPPED)}, found


def _print(recipes: Mapping[str, str]) -> None:
    """A recipe a line, in a terminal no longer than its width; what it is goes on below where it is longer."""
    columns = shutil.get_terminal_size((200, 24)).columns
    longest = max(map(len, recipes))
    for name, what in recipes.items():
        lines = textwrap.wrap(what, max(30, columns - longest - 5)) or [""]
        typer.echo("\n".join([f"  {name:<{longest}}  {lines[0]}", *(" " * (longest + 4) + line for line in lines[1:])]))


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
