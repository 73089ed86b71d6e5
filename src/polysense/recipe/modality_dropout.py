"""The entry ``modality_dropout``: what a training hides of its rows, so that the model can do without it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from polysense.errors import RecipeError, choices
from polysense.fusion.fusion import Fusion
from polysense.fusion.single import Single
from polysense.objectives.objective import Objective

ENTRY = "modality_dropout"


def read_chances(written: Any, modalities: Collection[str]) -> dict[str, float]:
    """The chance of each modality: one number for all, or a mapping, in which 0 stands for those that it does not name; none: empty.

    Raises:
        RecipeError: names the value or the modality that cannot be.
    """
    if written is None:
        return {}
    for name in written if isinstance(written, Mapping) else ():
        if name not in modalities:
            raise RecipeError(f"{ENTRY}: no encoder for {name!r}; {choices(str(name), modalities)}")
    chances = {name: written.get(name, 0.0) if isinstance(written, Mapping) else written for name in modalities}
    for name, chance in chances.items():
        if isinstance(chance, bool) or not isinstance(chance, int | float) or not 0 <= chance < 1:
            raise RecipeError(f"{ENTRY}: expected a chance from 0 to below 1, found {chance!r} for {name}")
    return {name: float(chance) for name, chance in chances.items()} if any(chances.values()) else {}


def refuse_idle(chances: Mapping[str, float], *, fusion: type[Fusion], objectives: Mapping[str, type[Objective]]) -> None:
    """Raise where the entry could have no effect.

    Args:
        chances: of the recipe, by modality.
        fusion: its class.
        objectives: the classes of those of weight above 0.

    Raises:
        RecipeError: the fusion reads one modality, or no objective sees partial rows.
    """
    if chances and (len(chances) < 2 or fusion is Single):
        raise RecipeError(f"{ENTRY}: the fusion reads one modality, which a row cannot do without")
    if chances and not any(kind.sees_partial for kind in objectives.values()):
        names = ", ".join(objectives)
        raise RecipeError(f"{ENTRY}: none of the objectives ({names}) answers from all modalities, as Classification does")
