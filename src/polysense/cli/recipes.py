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
    all_: Annotated[bool, typer.Option("--all", help="Name each recipe that is put together from parts, too.")] = False,
    json: Json = False,
) -> None:
    """List the recipes of the package by name; those for data of your own come first.

    Of those that are put together from a table, a model and signals, a table is one line, unless all that are asked for are of one.
    """
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
    if not all_:
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
        _print_parts(one, briefly=family is None)


def folded(recipes: Mapping[str, str]) -> tuple[dict[str, str], tuple[Family, ...]]:
    """One entry a table, at the beginning, for those of the recipes that are put together from parts; and their families.

    A family of which the recipes are of one table alone stays as it is.
    """
    from polysense.recipe.families import families
    from polysense.recipe.files import SHIPPED

    tables: dict[str, str] = {}
    inside: set[str] = set()
    found: list[Family] = []
    for one in families(SHIPPED):
        asked = [table for table, members in one.members.items() if members.keys() & recipes.keys()]
        if len(asked) < 2:
            continue
        ending = "_<model>[_<signals>]" if one.signals else "_<model>"
        tables |= {f"{one.folder}/{table}{ending}": one.tables[table] for table in asked}
        inside |= {name for table in asked for name in one.members[table]}
        found.append(one)
    return tables | {name: what for name, what in recipes.items() if name not in inside}, tuple(found)


def _print_parts(family: Family, *, briefly: bool) -> None:
    """What ``<model>`` and ``<signals>`` stand for in the names of a family's recipes."""
    typer.echo(f"In {family.folder}/, by their names:")
    if briefly:
        signals = {"<signals>": f"{', '.join(family.signals)}; those of one modality have none"} if family.signals else {}
        _print({"<model>": ", ".join(family.models), **signals})
        typer.echo(f"  polysense recipes list {family.folder} says what they are")
        return
    _print({f"<model>    {name}": what for name, what in family.models.items()})
    if family.signals:
        _print({f"<signals>  {name}": what for name, what in family.signals.items()})
        typer.echo("  (a recipe may be without signals; those of one modality are)")
    typer.echo(
        f"  polysense recipes list {family.folder}/{next(iter(family.tables))} names those of one table, --all each of them"
    )


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
