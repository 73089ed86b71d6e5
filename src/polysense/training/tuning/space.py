"""What is tuned: entries of a recipe with the values that they may take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polysense.errors import RecipeError, choices
from polysense.recipe.files import parse_yaml

FLAGS = ("log", "int")


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """All numbers from ``low`` to ``high``."""

    low: float
    high: float
    log: bool = False
    """Whether a tenth of it is as far from it as ten times it."""
    whole: bool = False
    """Whole numbers only."""

    @property
    def ends(self) -> tuple[str, str]:
        """As a recipe writes them."""
        return str(self.low), str(self.high)

    @property
    def every(self) -> range | None:
        """Each of them; None where there is no end of them."""
        return range(int(self.low), int(self.high) + 1) if self.whole else None

    def own(self, value: Any) -> float | int | None:
        """A recipe's value as one of these; None where it is none."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return None
        if self.whole and value != int(value):
            return None
        return int(value) if self.whole else float(value)

    @property
    def written(self) -> str:
        """As ``--space`` takes it: ``0.05:0.5:log``."""
        flags = [name for name, there in (("log", self.log), ("int", self.whole)) if there]
        return ":".join([f"{self.low:.15g}", f"{self.high:.15g}", *flags])

    def __str__(self) -> str:
        return f"{'whole numbers' if self.whole else 'numbers'} from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Some values, as they are written in a recipe."""

    values: tuple[str, ...]

    @property
    def ends(self) -> tuple[str, ...]:
        """All of them."""
        return self.values

    @property
    def every(self) -> tuple[str, ...]:
        """All of them."""
        return self.values

    def own(self, value: Any) -> str | None:
        """A recipe's value as one of these; None where it is none."""
        return next((one for one in self.values if parse_yaml(f"value: {one}", one)["value"] == value), None)

    @property
    def written(self) -> str:
        """As ``--space`` takes them: ``a,b,c``."""
        return ",".join(self.values)

    def __str__(self) -> str:
        return ", ".join(self.values)


Space = Mapping[str, Range | Choices]
"""By the entry of the recipe."""


def settings_in(space: Space) -> int | None:
    """How many different settings there are; None where there is no end of them."""
    counts = [None if values.every is None else len(values.every) for values in space.values()]
    return None if None in counts else math.prod(count for count in counts if count is not None)


def read_space(texts: Sequence[str]) -> dict[str, Range | Choices]:
    """``objectives.contrast.weight=0.05:0.5:log``, ``training.learning_rate=1e-5,3e-5``: one text an entry.

    Raises:
        RecipeError: a text cannot be read, or an entry stands there twice.
    """
    if not texts:
        raise RecipeError("--space: name what is tuned, such as --space objectives.contrast.weight=0.05:0.5:log")
    found: dict[str, Range | Choices] = {}
    for text in texts:
        entry, equals, values = text.partition("=")
        if not equals or not entry or not values:
            raise RecipeError(f"--space {text}: write entry=low:high, entry=low:high:log or entry=a,b,c")
        if entry in found:
            raise RecipeError(f"--space: {entry} stands there twice")
        if entry.startswith("corpora"):
            raise RecipeError(f"--space {entry}: the data are read once for all trials and cannot be tuned")
        found[entry] = _range(text, values.split(":")) if ":" in values else _choices(text, values.split(","))
    return found


def _range(text: str, parts: Sequence[str]) -> Range:
    low, high, *flags = parts
    for flag in flags:
        if flag not in FLAGS:
            raise RecipeError(f"--space {text}: {flag!r} is neither; {choices(flag, FLAGS)}")
    log, whole = "log" in flags, "int" in flags
    try:
        ends = [float(low), float(high)]
        if whole:
            ends = [int(low), int(high)]
    except ValueError:
        raise RecipeError(f"--space {text}: {low} and {high} must be {'whole ' if whole else ''}numbers") from None
    if not ends[0] < ends[1]:
        raise RecipeError(f"--space {text}: {low} is not below {high}")
    if log and ends[0] <= 0:
        raise RecipeError(f"--space {text}: on a logarithmic scale numbers are above 0")
    return Range(low=ends[0], high=ends[1], log=log, whole=whole)


def _choices(text: str, values: Sequence[str]) -> Choices:
    named = tuple(value.strip() for value in values)
    read = [repr(parse_yaml(f"value: {one}", one)["value"]) for one in named if one]
    if len(set(read)) < 2 or len(set(read)) < len(named):
        raise RecipeError(f"--space {text}: write two or more different values, or low:high")
    return Choices(values=named)


def value_at(recipe: Mapping[str, Any], entry: str) -> Any:
    """What a written recipe has under an entry, of which ``objective`` and ``init_args`` may be left out; None where nothing is."""
    place: Any = recipe
    for key in entry.split("."):
        while isinstance(place, Mapping) and key not in place:
            inner = next((name for name in ("objective", "init_args") if name in place), None)
            if inner is None:
                return None
            place = place[inner]
        if isinstance(place, list):
            place = dict(enumerate(place)).get(int(key)) if key.isdecimal() else None
        else:
            place = place.get(key) if isinstance(place, Mapping) else None
    return place
