"""Recipes that are put together from parts by their names: ``social/mvsa_mmbt_itc`` is a table, a model and a signal.

A folder of recipes may hold a ``_family.yaml``: ``tables`` (what each is, and the ``parts`` it is made of, in which ``{model}``
stands for the model's name), ``models``, and where it has them ``signals``, what a recipe without any is (``plain``), and models of a
``single`` modality, which have no signals. Each of the recipes has its parts as bases, and says nothing else but what a table
``changes`` in its model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = "_family.yaml"


@dataclass(frozen=True)
class Family:
    """The recipes of one folder that are put together."""

    folder: str
    """Below the folder of all recipes."""
    tables: dict[str, str]
    """What each is, by its name."""
    models: dict[str, str]
    signals: dict[str, str]
    members: dict[str, dict[str, str]]
    """By table the text of each of its recipes, by the recipe's name."""


@cache
def families(root: Path) -> tuple[Family, ...]:
    """Those below ``root``."""
    return tuple(_read(file, root) for file in sorted(root.rglob(FILE)))


@cache
def composed(root: Path) -> dict[str, str]:
    """The recipes below ``root`` that no file holds, by their names: the text that such a file would have."""
    every = [members for family in families(root) for members in family.members.values()]
    return {name: text for members in every for name, text in members.items()}


def _read(file: Path, root: Path) -> Family:
    folder = file.parent.relative_to(root).as_posix()
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    members: dict[str, dict[str, str]] = {table: {} for table in raw["tables"]}
    for table, model, name, what, parts in _members(raw, file.parent):
        bases = ", ".join(f"{folder}/{part}" for part in parts)
        changes = raw["tables"][table].get("changes", {}).get(model)
        changed = yaml.safe_dump(changes, sort_keys=False) if changes else ""
        members[table][f"{folder}/{name}"] = f"# {what}.\nbase: [{bases}]\n{changed}"
    tables = {table: made["what"] for table, made in raw["tables"].items()}
    return Family(folder, tables, raw["models"], raw.get("signals", {}), members)


def _members(raw: dict[str, Any], folder: Path) -> Iterator[tuple[str, str, str, str, list[str]]]:
    """Table, model, name, what it is, and the parts of each recipe.

    None of a model that has no file of a part, or that a table is without.
    """
    for table, made in raw["tables"].items():
        for model, how in raw["models"].items():
            parts = [part.format(model=model) for part in made["parts"]]
            if model in made.get("without", ()) or not all((folder / f"{part}.yaml").is_file() for part in parts):
                continue
            name, what = f"{table}_{model}", f"{made['what']}: {how}"
            if model in raw.get("single", {}):
                yield table, model, name, f"{what}, {raw['single'][model]}", parts
                continue
            yield table, model, name, f"{what}, {raw['plain']}" if "plain" in raw else what, parts
            for signal, why in raw.get("signals", {}).items():
                yield table, model, f"{name}_{signal}", f"{what}, {why}", [*parts, f"_{signal}"]
