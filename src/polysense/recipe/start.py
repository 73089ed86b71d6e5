"""Going on from a trained run: its encoders, its fusion and its objectives of equal names, as far as a recipe has the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import safe_open
from torch import Tensor, nn

from polysense.encoders.loading import WEIGHTS, saved_model
from polysense.encoders.model_name import nearest_run
from polysense.errors import RecipeError, display

if TYPE_CHECKING:
    from polysense.learner import Learner
    from polysense.recipe.recipe import Recipe


NAMING = ("labels", "roles", "answers")
"""Arguments of objectives that say what each row of the head stands for: equal shapes are not enough."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a recipe takes up of a saved model, by the names of its entries."""

    folder: Path
    """Of the saved model."""
    encoders: tuple[str, ...]
    fusion: bool
    objectives: tuple[str, ...]
    answers: Mapping[str, tuple[list[str], list[str]]]
    """Of objectives that name their answers, by entry: those of the saved model, and the recipe's."""

    @property
    def entries(self) -> list[str]:
        """All of it, as a recipe names it."""
        found = [f"encoders.{name}" for name in self.encoders] + (["fusion"] if self.fusion else [])
        return found + [f"objectives.{name}" for name in self.objectives]

    def in_words(self, recipe: Recipe) -> str:
        """What is taken up and what begins anew, on one line."""
        every = [
            *(f"encoders.{name}" for name in recipe.encoders),
            "fusion",
            *(f"objectives.{name}" for name in recipe.objectives),
        ]
        anew = [entry for entry in every if entry not in self.entries]
        return f"start: {', '.join(self.entries)} of {display(self.folder)}" + (f"; anew: {', '.join(anew)}" if anew else "")

    def load(self, learner: Learner) -> None:
        """Give fusion and objectives the weights of the saved model; encoders are built with theirs.

        What the fusion has beyond the saved one stays as it is.

        Raises:
            RecipeError: something of the same name has another shape, or answers by other names.
        """
        for entry, (before, own) in self.answers.items():
            if before != own:
                place = next((at for at, (one, other) in enumerate(zip(before, own, strict=False)) if one != other), None)
                told = f"the {place + 1}. is {before[place]!r} and {own[place]!r}" if place is not None else "one has more"
                raise RecipeError(
                    f"start: objectives.{entry} of {display(self.folder)} are other ones than this recipe's ({told}); "
                    "give the entry another name to start it anew"
                )
        stored = _stored(self.folder / WEIGHTS)
        if self.fusion:
            _take(learner.model.fusion, "model.fusion.", stored, "fusion", self.folder, whole=False)
        for name in self.objectives:
            _take(learner.objective(name), f"objectives.{name}.", stored, f"objectives.{name}", self.folder, whole=True)


def find_start(recipe: Recipe, before: Recipe, folder: Path) -> Start:
    """What is of the same name and class in the recipe and in the one ``before`` it, of the saved model in ``folder``."""
    encoders = [
        name
        for name, part in recipe.encoders.items()
        if name in before.encoders and before.encoders[name].kind is part.kind and "pretrained" in part.arguments
    ]
    objectives = [
        name
        for name, signal in recipe.objectives.items()
        if name in before.objectives and before.objectives[name].part.kind is signal.part.kind
    ]
    answers = {}
    for name in objectives:
        taken, own = (one.objectives[name].part.arguments for one in (before, recipe))
        for argument in NAMING:
            if taken.get(argument) is not None and own.get(argument) is not None:
                answers[f"{name}.{argument}"] = (list(taken[argument]), list(own[argument]))
    return Start(folder, tuple(encoders), recipe.fusion.kind is before.fusion.kind, tuple(objectives), answers)


def start_folder(named: str) -> Path:
    """The saved model, or that of the best seed of a run.

    Raises:
        RecipeError: it is none, or the run is not finished.
    """
    found = saved_model(named)
    if found is None:
        raise RecipeError(f"start: {display(Path(named))} is no run and no saved model{nearest_run(Path(named))}")
    return found


def _stored(file: Path) -> dict[str, Tensor]:
    with safe_open(file, framework="pt") as stored:
        kept = {name: name for name in stored.keys()} | (stored.metadata() or {})  # noqa: SIM118 - it is no mapping
        return {name: stored.get_tensor(kept[name]) for name in kept if kept[name] in stored.keys()}  # noqa: SIM118


def _take(module: nn.Module, prefix: str, stored: Mapping[str, Tensor], entry: str, folder: Path, *, whole: bool) -> None:
    found = {name.removeprefix(prefix): tensor for name, tensor in stored.items() if name.startswith(prefix)}
    own = module.state_dict()
    for name, tensor in own.items():
        if (name in found and found[name].shape != tensor.shape) or (whole and name not in found):
            raise RecipeError(
                f"start: {entry}.{name} of {display(folder)} has another shape than this recipe's; give the entry another name to "
                "start it anew"
            )
    module.load_state_dict({**own, **{name: found[name] for name in own if name in found}})
