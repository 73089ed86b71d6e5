"""Recipe files: where they are, how one builds on another, how single values are overridden."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from polysense.errors import RecipeError, choices, display
from polysense.recipe.families import composed

SHIPPED = (Path(__file__).parent.parent / "recipes").resolve()

Raw = dict[str, Any]

MALFORMED = (yaml.YAMLError, ValueError, RecursionError)
"""What the reader of YAML raises: also for a number that is none, and for what is nested hundreds of levels deep."""

SIGNAL = ("objective", "weight", "turn")
"""What stands under the name of an objective."""


class _Loader(yaml.SafeLoader):
    """Safe YAML as version 1.2 has it: 5e-5 is a number, yes and no are words (they may be classes), dates are words."""


class _Dumper(yaml.SafeDumper):
    """Writes a text that the loader would take for a number in quotes."""


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$"),
        list("-+.0123456789"),
    )
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in {"timestamp", "bool"}]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def list_recipes() -> dict[str, str]:
    """The shipped recipes: name to the comment that it begins with."""
    held = (path.relative_to(SHIPPED).with_suffix("").as_posix() for path in SHIPPED.rglob("*.yaml"))
    found = sorted([*(name for name in held if not Path(name).name.startswith("_")), *composed(SHIPPED)])
    return {name: _first_comment(SHIPPED / f"{name}.yaml") for name in found}


def show_recipe(name: str) -> str:
    """A recipe (a shipped name or a file) as YAML, merged with all that it builds on.

    Raises:
        RecipeError: there is no such recipe.
    """
    comment = _first_comment(find_recipe(name))
    body = dump_yaml(read_recipe(name))
    return f"# {comment}\n{body}" if comment else body


def find_recipe(name: str) -> Path:
    """The file of a shipped recipe's name, or of a path; :func:`recipe_text` reads it, for those of a family are in no file."""
    shipped = SHIPPED / f"{name}.yaml"
    if name in composed(SHIPPED):
        return shipped
    if shipped.is_file() and shipped.resolve().is_relative_to(SHIPPED.resolve()):
        return shipped
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        if path.is_file():
            return path
        raise RecipeError(f"there is no recipe file {display(path)}")
    raise RecipeError(f"there is no recipe {name!r}; {choices(name, list_recipes())}")


def recipe_text(path: Path) -> str:
    """What :func:`find_recipe` found, as it is written.

    Raises:
        RecipeError: it cannot be read.
    """
    name = path.relative_to(SHIPPED).with_suffix("").as_posix() if path.is_relative_to(SHIPPED) else ""
    if name in composed(SHIPPED):
        return composed(SHIPPED)[name]
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the recipe {display(path)} cannot be read: {error}") from error


def read_recipe(name: str, overrides: Sequence[str] = ()) -> Raw:
    """The raw recipe: every ``base`` merged in, then each ``key.to.value=...`` of ``overrides`` applied; ``null`` removes an entry, and
    is a value of its own as an argument of a part (``captions_per_image=null``).

    Raises:
        RecipeError: a file is missing or malformed, or an override names a place that is not there.
    """
    raw = _merged(find_recipe(name), seen=())
    for override in overrides:
        _apply(raw, override)
    return raw


def parse_yaml(text: str, origin: str) -> Raw:
    """YAML text that must be a mapping."""
    try:
        raw = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except MALFORMED as error:
        raise RecipeError(f"{origin} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise RecipeError(f"{origin} must hold a mapping of recipe entries, found {type(raw).__name__}")
    return raw


def parse_value(text: str, origin: str) -> Any:
    """A single YAML value, as options of the command line write it."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except MALFORMED as error:
        raise RecipeError(f"{origin}: the value is not valid YAML") from error


def dump_yaml(raw: Mapping[str, Any]) -> str:
    """YAML text that :func:`parse_yaml` reads back as it was."""
    return str(yaml.dump(dict(raw), Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def _merged(path: Path, seen: tuple[Path, ...]) -> Raw:
    path = path.resolve()
    if path in seen:
        chain = " -> ".join(display(file) for file in (*seen, path))
        raise RecipeError(f"recipes build on each other in a circle: {chain}")
    raw = parse_yaml(recipe_text(path), display(path))
    bases = raw.pop("base", None) or []
    bases = [bases] if isinstance(bases, str) else bases
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise RecipeError(f"{display(path)}, base: write a recipe's name or a list of names, found {bases!r}")
    merged: Raw = {}
    for base in bases:
        beside = path.parent / base
        file = beside if beside.suffix in {".yaml", ".yml"} and beside.is_file() else find_recipe(base)
        merged = merge(merged, _merged(file, (*seen, path)))
    return merge(merged, _spelled_out(raw))


def _spelled_out(raw: Raw) -> Raw:
    """The recipe with ``contrast: ImageTextContrast`` written as ``contrast: {objective: ImageTextContrast}``."""
    objectives = raw.get("objectives")
    if not isinstance(objectives, Mapping):
        return raw
    spelled = {name: {"objective": part} if _names_a_class(part) else part for name, part in objectives.items()}
    return {**raw, "objectives": spelled}


def _names_a_class(written: Any) -> bool:
    return isinstance(written, str) or (isinstance(written, Mapping) and "class_path" in written)


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> Raw:
    """Overlay on base, mapping by mapping; ``null`` in the overlay removes an entry, but is a value among a part's arguments; another
    ``class_path`` replaces a part whole.
    """
    return _overlaid(base, overlay, arguments=False)


def _overlaid(base: Mapping[str, Any], overlay: Mapping[str, Any], *, arguments: bool) -> Raw:
    merged = dict(base)
    for key, value in overlay.items():
        old = merged.get(key)
        if isinstance(old, str) and isinstance(value, Mapping) and "init_args" in value:
            old = {"class_path": old}
        if value is None and not arguments:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(old, Mapping) and _same_class(old, value):
            merged[key] = _overlaid(old, value, arguments=key == "init_args")
        else:
            merged[key] = value
    return merged


def _same_class(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return "class_path" not in new or new["class_path"] == old.get("class_path")


def _apply(raw: Raw, override: str) -> None:
    path, equals, text = override.partition("=")
    if not equals:
        raise RecipeError(f"--set {override}: write it as key.to.value=new")
    *parents, last = path.split(".")
    place: Any = raw
    for depth, key in enumerate(parents):
        place = _inside(place, key, ".".join(parents[:depth]))
    if isinstance(place, dict) and "objective" in place and not get_close_matches(last, SIGNAL):
        place = _inside(place, "objective", ".".join(parents))
    argument = bool(parents) and parents[-1] == "init_args"
    if isinstance(place, dict) and "class_path" in place and last not in {"class_path", "init_args"}:
        place, argument = place.setdefault("init_args", {}), True
    at: Any = last
    if isinstance(place, list):
        if not last.isdigit() or int(last) >= len(place):
            there = f"0 to {len(place) - 1}" if place else "none"
            raise RecipeError(f"--set {override}: {'.'.join(parents)} has no entry {last!r}; valid: {there}")
        at = int(last)
    elif not isinstance(place, dict):
        raise RecipeError(f"--set {override}: {'.'.join(parents)} has no entries")
    value = parse_value(text, f"--set {override}")
    if value is not None or argument:
        place[at] = value
    elif isinstance(place, dict):
        place.pop(at, None)
    else:
        del place[at]


def _inside(place: Any, key: str, above: str) -> Any:
    """The entry ``key``, with a class that was written by its bare name spelled out so that arguments can be set."""
    if isinstance(place, list) and key.isdigit() and int(key) < len(place):
        entry = place[int(key)]
        if isinstance(entry, str):
            entry = place[int(key)] = {"class_path": entry, "init_args": {}}
        return entry
    if isinstance(place, dict) and key not in place and key in (place.get("init_args") or {}):
        place = place["init_args"]
    if not isinstance(place, dict) or (key not in place and key != "init_args" and above):
        valid = place if isinstance(place, dict) else ()
        raise RecipeError(f"--set: {above or 'the recipe'} has no entry {key!r}; {choices(key, valid)}")
    entry = place.setdefault(key, {})
    if isinstance(entry, str):
        entry = place[key] = {"class_path": entry, "init_args": {}}
    return entry


def _first_comment(path: Path) -> str:
    """The comment at the head of a recipe, its lines as one: up to the first that ends a sentence."""
    found: list[str] = []
    for line in itertools.takewhile(lambda line: line.startswith("#"), recipe_text(path).splitlines()):
        found.append(line.removeprefix("#").strip())
        if found[-1].endswith((".", "?", ")")):
            break
    return " ".join(found)
