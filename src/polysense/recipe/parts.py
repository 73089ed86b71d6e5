"""The parts that a recipe names: found by class name, checked against their signature, built."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, get_args

from jsonargparse import ArgumentParser

from polysense.data.corpus import Corpus
from polysense.data.mixtures.mixture import Mixture
from polysense.encoders.encoder import Encoder
from polysense.errors import PolysenseError, RecipeError, choices
from polysense.evaluation.evaluator import Evaluator
from polysense.fusion.fusion import Fusion
from polysense.objectives.objective import Objective
from polysense.recipe.files import parse_value
from polysense.recipe.foreign import import_class
from polysense.recipe.messages import wrong_value

SUPPLIED = "widths"
"""The argument that the build supplies, not the recipe."""

HOMES: dict[type, str] = {
    Encoder: "polysense.encoders",
    Fusion: "polysense.fusion",
    Objective: "polysense.objectives",
    Corpus: "polysense.data.corpora",
    Mixture: "polysense.data.mixtures",
    Evaluator: "polysense.evaluation",
}
"""Where the classes of each kind live; every module there is looked through."""


@dataclass(frozen=True)
class Part:
    """A class that a recipe names, with checked arguments (defaults written out)."""

    entry: str
    """Where the recipe names it, e.g. ``objectives.contrast``."""
    kind: type
    arguments: Mapping[str, Any]

    def build(self, *supplied: Any) -> Any:
        """An instance; ``supplied`` is what the build knows and the recipe does not: the widths, if anything.

        Raises:
            RecipeError: a value has the right type and is impossible all the same, or an encoder is missing.
        """
        try:
            return self.kind(*supplied, **self.arguments)
        except PolysenseError:
            raise
        except KeyError as error:
            if not supplied:
                raise
            raise RecipeError(
                f"{self.entry}: {self.kind.__name__} needs the modality {error}, the recipe has no such encoder"
            ) from error
        except (ValueError, ArithmeticError, RuntimeError) as error:
            raise RecipeError(f"{self.entry}: {self.kind.__name__}: {' '.join(str(error).split())}") from error

    def written(self) -> dict[str, Any]:
        """The part as a recipe writes it."""
        home = self.kind.__module__
        name = self.kind.__name__ if home.startswith("polysense.") else f"{home}.{self.kind.__name__}"
        return {"class_path": name, "init_args": dict(self.arguments)}


def read_part(entry: str, written: Any, base: type, *, foreign: Path | None) -> Part:
    """Check what a recipe writes for a part: a bare class name, or ``{class_path, init_args}``.

    Args:
        entry: for messages.
        written: from the YAML.
        base: what the class must be.
        foreign: the folder from which classes outside this package may be imported (the recipe's own), None to refuse them.

    Raises:
        RecipeError: names the entry, the wrong key or value, and the valid choices.
    """
    if isinstance(written, str):
        written = {"class_path": written}
    if not isinstance(written, Mapping) or not isinstance(written.get("class_path"), str):
        raise RecipeError(f"{entry}: name a class, or write class_path and init_args; {choices('', known(base))}")
    for key in written:
        if key not in {"class_path", "init_args"}:
            raise RecipeError(f"{entry}: unknown key {key!r}; {choices(key, ('class_path', 'init_args'))}")
    kind = find_class(entry, written["class_path"], base, foreign=foreign)
    return Part(entry, kind, check_arguments(entry, kind, written.get("init_args") or {}))


def find_class(entry: str, name: str, base: type, *, foreign: Path | None) -> type:
    """The class of this package by its bare name, or any class by its dotted path where that is allowed."""
    classes = known(base)
    bare = name.rpartition(".")[2] if name.startswith("polysense.") else name
    if bare in classes:
        return classes[bare]
    if "." not in name:
        raise RecipeError(f"{entry}: there is no {base.__name__.lower()} {name!r}; {choices(name, classes)}")
    if foreign is None:
        raise RecipeError(
            f"{entry}: {name!r} is not part of polysense, and this recipe may only name classes of polysense; "
            "to run the code it names, load with trust_recipe_code=True (--trust-recipe-code)"
        )
    return import_class(entry, name, base, foreign)


@cache
def known(base: type) -> dict[str, type]:
    """The concrete classes of this package of one kind, by name."""
    package = importlib.import_module(HOMES[base])
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(package.__path__):
        members = vars(importlib.import_module(f"{HOMES[base]}.{module.name}")).values()
        for member in members:
            if inspect.isclass(member) and issubclass(member, base) and not inspect.isabstract(member):
                found[member.__name__] = member
    return found


def find_evaluator(name: str, *, details: bool = False) -> Evaluator:
    """An evaluator by its class name or that name in other letters, with arguments if any: ``sts``, ``retrieval:rerank=20,seed=1``.

    Raises:
        RecipeError: there is none of that name, it has no details to give, or an argument is missing, unknown or wrong.
    """
    called, colon, given = name.partition(":")
    plain = {_plain(one): kind for one, kind in known(Evaluator).items()}
    if _plain(called) not in plain:
        raise RecipeError(
            f"there is no evaluator {called!r}; {choices(called, known(Evaluator), listed=sorted(known(Evaluator)))}"
        )
    kind = plain[_plain(called)]
    parameters = inspect.signature(kind).parameters
    if details and "details" not in parameters:
        raise RecipeError(f"the evaluator {called!r} has no details to give")
    written = _written_arguments(called, given) if colon else {}
    missing = [one for one, parameter in parameters.items() if parameter.default is parameter.empty and one not in written]
    if missing and set(written) <= set(parameters):
        raise RecipeError(f"the evaluator {called!r} must be told its {missing[0]}: write {called}:{missing[0]}=...")
    arguments = check_arguments(f"the evaluator {called!r}", kind, written)
    evaluator: Evaluator = Part(called, kind, arguments | ({"details": True} if details else {})).build()
    return evaluator


def _written_arguments(called: str, given: str) -> dict[str, Any]:
    """``rerank=20,seed=1`` as arguments; values are YAML, and a comma within brackets or braces parts nothing."""
    found: dict[str, Any] = {}
    for part in re.split(r",(?![^\[{]*[\]}])", given):
        key, equals, value = part.partition("=")
        if not equals:
            raise RecipeError(
                f"the evaluator {called!r}: write its arguments as {called}:name=value,name=value; found {part!r}"
            )
        found |= {key.strip(): parse_value(value, f"the evaluator {called!r}, {key.strip()}")}
    return found


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def check_arguments(
    entry: str, kind: type, arguments: Mapping[str, Any], *, skip: frozenset[str] = frozenset({SUPPLIED})
) -> dict[str, Any]:
    """Arguments against the signature: names first (ours, to say the nearest one), then types (jsonargparse); defaults filled in."""
    if not isinstance(arguments, Mapping):
        raise RecipeError(f"{entry}: the arguments of {kind.__name__} must be a mapping, found {arguments!r}")
    valid = [name for name in inspect.signature(kind).parameters if name not in skip]
    for key, value in arguments.items():  # null takes out what another class had there, but is no licence to misspell
        if key not in valid and (value is not None or get_close_matches(str(key), valid)):
            raise RecipeError(f"{entry}: {kind.__name__} has no argument {key!r}; {choices(str(key), valid)}")
    arguments = {key: value for key, value in arguments.items() if key in valid}
    parameters = inspect.signature(kind, eval_str=True).parameters
    open_ = {name for name in valid if _may_be_anything(parameters[name].annotation)}
    checked = {
        name: _mapping(f"{entry}: {kind.__name__}.{name}", arguments.get(name, parameters[name].default)) for name in open_
    }
    if len(open_) < len(valid):
        parser = ArgumentParser(exit_on_error=False)
        parser.add_class_arguments(kind, "arguments", skip={*skip, *open_})
        try:
            parsed = parser.parse_object({"arguments": {key: one for key, one in arguments.items() if key not in open_}})
        except Exception as error:  # jsonargparse raises argparse.ArgumentError, and others from nested parsing
            annotations = {name: one.annotation for name, one in parameters.items()}
            raise RecipeError(f"{entry}: {kind.__name__}: {wrong_value(error, annotations, arguments)}") from error
        checked |= parsed["arguments"].as_dict()
    return {name: checked[name] for name in valid}


def _may_be_anything(annotation: Any) -> bool:
    """Whether values of any type may stand in it. jsonargparse is not asked about these: it would import what they name."""
    return annotation is Any or any(map(_may_be_anything, get_args(annotation)))


def _mapping(entry: str, value: Any) -> dict[str, Any] | None:
    """None, or a mapping of texts to plain values: texts, numbers, true and false, lists and mappings of them."""
    if not (value is None or (isinstance(value, Mapping) and _is_plain(value))):
        raise RecipeError(f"{entry} must be a mapping of plain values, or null, found {value!r}")
    return None if value is None else dict(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) for key in value) and _is_plain(list(value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
