"""A recipe: all the choices of one experiment, checked, completed from the data, and built into a learner."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from polysense.data.corpus import Corpus
from polysense.data.mixtures.mixture import Mixture
from polysense.encoders.encoder import Encoder
from polysense.encoders.loading import saved_model
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError, choices, display
from polysense.evaluation.evaluator import Evaluator
from polysense.fusion.fusion import Fusion
from polysense.learner import Learner
from polysense.metrics.names import lower_is_better
from polysense.model import Model
from polysense.objectives.objective import Objective
from polysense.recipe.answers import refuse_equal_answers
from polysense.recipe.files import SIGNAL, dump_yaml, find_recipe, parse_yaml, read_recipe
from polysense.recipe.modality_dropout import ENTRY, read_chances, refuse_idle
from polysense.recipe.parts import Part, check_arguments, read_part
from polysense.recipe.start import Start, find_start, start_folder
from polysense.recipe.training import ALLOWED, check_training
from polysense.seeds import seed_from
from polysense.types import Sample

ENTRIES = ("encoders", "fusion", "objectives", ENTRY, "corpora", "mixture", "training", "evaluation", "start")

LAST = "last"
"""In place of a metric: the last checkpoint is the one to keep."""


@dataclass(frozen=True)
class Signal:
    """An objective in a recipe, with its weight in the loss."""

    part: Part
    weight: float = 1.0
    turn: str | None = None
    """Of the objectives that name the same turn, one is run in each step, drawn evenly."""


@dataclass(frozen=True)
class Evaluation:
    """How a run is judged on validation: ``evaluators``, the metric ``best`` that chooses the checkpoint, early stopping.

    ``best: last`` chooses nothing: the weights of the last evaluation are kept. The metric ``last`` is then the step. Where
    ``greater_is_better`` is not written, it is true but for the errors of scores (``MAE``, ``MAE/text``).
    """

    evaluators: tuple[Part, ...]
    best: str
    greater_is_better: bool = True
    patience: int | None = None
    """Evaluations without a better value after which training stops; None never stops early."""


@dataclass(frozen=True)
class Recipe:
    """One experiment. Made by :func:`load_recipe`; written back by :meth:`to_yaml` with every default spelled out."""

    name: str
    encoders: Mapping[str, Part]
    fusion: Part
    objectives: Mapping[str, Signal]
    corpora: tuple[Part, ...]
    mixture: Part
    """How the batches of several corpora follow each other."""
    training: Mapping[str, Any]
    """``transformers.TrainingArguments`` by name; only what the recipe sets."""
    evaluation: Evaluation
    modality_dropout: Mapping[str, float] = field(default_factory=dict)
    """The chance that a training row is shown without a modality, by modality; empty: rows are shown whole."""
    start: str | None = None
    """A run or saved model to go on from: its encoders, fusion and objectives, where they are of the same name and class."""

    def complete(self, samples: Sequence[Sample]) -> Recipe:
        """The recipe with what depends on the training samples filled in (classes, class weights, the width of frames).

        Where it begins with a trained run, the seed that is taken is named: the run may have a better one when this one goes on.
        """
        return replace(
            self,
            encoders={name: _completed(part, samples) for name, part in self.encoders.items()},
            objectives={
                name: replace(signal, part=_completed(signal.part, samples)) for name, signal in self.objectives.items()
            },
            start=None if self.start is None else str(start_folder(self.start)),
        )

    def of_shown(self, asked: Recipe, samples: Sequence[Sample]) -> Recipe:
        """The completed recipe for a training that is shown the labels of some rows only.

        Args:
            asked: the recipe before it was completed.
            samples: the training rows, without the labels that are hidden.
        """
        changed = {}
        for name, signal in self.objectives.items():
            kind: type[Objective] = signal.part.kind
            changed[name] = kind.complete_shown(asked.objectives[name].part.arguments, signal.part.arguments, samples)
        return self.with_objectives(changed)

    def with_training(self, **settings: Any) -> Recipe:
        """The recipe with other training arguments."""
        return replace(self, training={**self.training, **settings})

    def with_objectives(self, arguments: Mapping[str, Mapping[str, Any]]) -> Recipe:
        """The recipe with other arguments of objectives, by their names."""
        changed = {
            name: replace(signal, part=replace(signal.part, arguments={**signal.part.arguments, **arguments.get(name, {})}))
            for name, signal in self.objectives.items()
        }
        return replace(self, objectives=changed)

    def build(self, *, seed: int, assets: Path | None = None) -> Learner:
        """The learner, freshly initialised.

        Every part is initialised from (seed, its entry), so that adding an objective changes the start of no other part.

        Args:
            seed: of the run.
            assets: a saved run whose folder ``encoders`` holds configurations; weights are then not read.
        """
        encoders: dict[str, Encoder] = {}
        for name, part in self.encoders.items():
            with _seeded(seed, part.entry):
                encoders[name] = (part if assets is None else _saved(part, assets / "encoders" / name)).build()
        widths = {name: encoder.width for name, encoder in encoders.items()}
        with _seeded(seed, self.fusion.entry):
            fusion: Fusion = self.fusion.build(widths)
        widths = {**fusion.widths_apart(widths), **fusion.codes, **fusion.sizes, "fused": fusion.width}
        if isinstance(text := encoders.get("text"), TransformerText):
            widths["vocabulary"] = text.vocabulary.size
        objectives: dict[str, Objective] = {}
        for name, signal in self.objectives.items():
            with _seeded(seed, signal.part.entry):
                objectives[name] = signal.part.build(widths)
        weights = {name: signal.weight for name, signal in self.objectives.items()}
        turns = {name: signal.turn for name, signal in self.objectives.items() if signal.turn}
        learner = Learner(
            Model(encoders, fusion), objectives, weights, turns=turns, seed=seed, modality_dropout=self.modality_dropout
        )
        if assets is None and self.start is not None:
            self.going_on().load(learner)
        return learner

    def going_on(self) -> Start:
        """What it takes up of the run that it starts from.

        Raises:
            RecipeError: there is no such run or saved model.
        """
        folder = start_folder(self.start or "")
        return find_start(self, read_saved(folder), folder)

    def written(self) -> dict[str, Any]:
        """As plain data, every default spelled out."""
        judged = self.evaluation
        return {
            "encoders": {name: part.written() for name, part in self.encoders.items()},
            "fusion": self.fusion.written(),
            "objectives": {
                name: {"objective": signal.part.written(), "weight": signal.weight}
                | ({"turn": signal.turn} if signal.turn else {})
                for name, signal in self.objectives.items()
            },
            **({ENTRY: dict(self.modality_dropout)} if self.modality_dropout else {}),
            **({"start": self.start} if self.start is not None else {}),
            "corpora": [part.written() for part in self.corpora],
            "mixture": self.mixture.written(),
            "training": dict(self.training),
            "evaluation": {
                "evaluators": [part.written() for part in judged.evaluators],
                "best": judged.best,
                "greater_is_better": judged.greater_is_better,
                "patience": judged.patience,
            },
        }

    def to_yaml(self) -> str:
        """As YAML, every default spelled out; reading it back gives an equal recipe."""
        return f"# {self.name}\n" + dump_yaml(self.written())


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """A shipped recipe by name or the user's own by file, with ``key.to.value=...`` overrides, checked.

    The user's own recipe may name classes by their dotted path; they are looked for beside the recipe and in the current folder.

    Raises:
        RecipeError: names the entry, the wrong key or value, and the valid choices.
    """
    path = find_recipe(name)
    recipe = check_recipe(
        path.stem if path.suffix and name.endswith(path.suffix) else name, read_recipe(name, overrides), path.parent
    )
    if not recipe.objectives:
        raise RecipeError(f"recipe {recipe.name}: it has no objectives, there is nothing to learn")
    kinds = {key: signal.part.kind for key, signal in recipe.objectives.items() if signal.weight}
    refuse_idle(recipe.modality_dropout, fusion=recipe.fusion.kind, objectives=kinds)
    return recipe if recipe.start is None else _with_encoders(recipe, recipe.going_on())


def _with_encoders(recipe: Recipe, start: Start) -> Recipe:
    """The recipe with the encoders of the model that it goes on from."""
    if not start.entries:
        raise RecipeError(f"start: nothing of {display(start.folder)} is of the same name and class as in recipe {recipe.name}")
    own = {"pretrained": str(start.folder), "weights": "pretrained"}
    changed = {}
    for name in start.encoders:
        arguments = {**recipe.encoders[name].arguments, **own}
        changed[name] = replace(recipe.encoders[name], arguments=arguments | ({"shape": None} if "shape" in arguments else {}))
    return replace(recipe, encoders={**recipe.encoders, **changed})


def read_saved(folder: Path, *, trust_recipe_code: bool = False) -> Recipe:
    """The recipe beside saved weights. It may only name classes of this package unless ``trust_recipe_code``."""
    file = folder / "recipe.yaml"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        other = "" if file.exists() else ", and there is no config.json of another library's model"
        raise RecipeError(f"{display(folder)} is no saved model: {display(file)} cannot be read{other}") from error
    name = text.partition("\n")[0].removeprefix("#").strip()
    return check_recipe(name, parse_yaml(text, display(file)), folder if trust_recipe_code else None)


def check_recipe(name: str, raw: Mapping[str, Any], foreign: Path | None) -> Recipe:
    """Check raw YAML; ``foreign`` is the folder from which classes outside this package may come, None to refuse them."""
    for key in raw:
        if key not in ENTRIES:
            inside = f"did you mean training.{key}? " if key in ALLOWED else ""
            raise RecipeError(f"recipe {name}: unknown entry {key!r}; {inside}{choices(str(key), ENTRIES)}")
    for key in ("encoders", "fusion", "objectives", "evaluation"):
        if not raw.get(key) and not (key == "objectives" and raw.get(key) == {}):  # a saved encoder has none
            raise RecipeError(f"recipe {name}: the entry {key!r} is missing")
    corpora = raw.get("corpora") or []
    if not isinstance(corpora, list):
        raise RecipeError("corpora: write a list")
    objectives = {key: _signal(f"objectives.{key}", value, foreign) for key, value in _entries("objectives", raw).items()}
    refuse_equal_answers({key: signal.part.kind for key, signal in objectives.items() if signal.weight})
    return Recipe(
        name=name,
        encoders={
            key: read_part(f"encoders.{key}", value, Encoder, foreign=foreign)
            for key, value in _entries("encoders", raw).items()
        },
        fusion=read_part("fusion", raw["fusion"], Fusion, foreign=foreign),
        objectives=objectives,
        corpora=tuple(read_part(f"corpora.{at}", value, Corpus, foreign=foreign) for at, value in enumerate(corpora)),
        mixture=read_part("mixture", raw.get("mixture") or "Pooled", Mixture, foreign=foreign),
        training=check_training(_entries("training", raw)),
        evaluation=_evaluation(_entries("evaluation", raw), foreign),
        modality_dropout=read_chances(raw.get(ENTRY), list(_entries("encoders", raw))),
        start=_start(raw.get("start")),
    )


def _entries(key: str, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    entries = raw.get(key) or {}
    if not isinstance(entries, Mapping):
        raise RecipeError(f"{key}: write a mapping of names to values, found {entries!r}")
    return entries


def _start(written: Any) -> str | None:
    if written is not None and not isinstance(written, str):
        raise RecipeError(f"start: expected the folder of a run or saved model, found {written!r}")
    return written


def _signal(entry: str, written: Any, foreign: Path | None) -> Signal:
    if isinstance(written, str) or (isinstance(written, Mapping) and "class_path" in written):
        written = {"objective": written}
    if not isinstance(written, Mapping) or "objective" not in written:
        raise RecipeError(f"{entry}: write objective: and weight:, found {written!r}")
    for key in written:
        if key not in SIGNAL:
            raise RecipeError(f"{entry}: unknown key {key!r}; {choices(str(key), SIGNAL)}")
    weight, turn = written.get("weight", 1.0), written.get("turn")
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise RecipeError(f"{entry}.weight: expected a number, found {weight!r}")
    if turn is not None and not (isinstance(turn, str) and turn):
        raise RecipeError(f"{entry}.turn: expected a name that other objectives share, found {turn!r}")
    return Signal(read_part(entry, written["objective"], Objective, foreign=foreign), float(weight), turn)


def _evaluation(written: Mapping[str, Any], foreign: Path | None) -> Evaluation:
    rest = {key: value for key, value in written.items() if key != "evaluators"}
    settings = check_arguments("evaluation", Evaluation, {"evaluators": (), **rest}, skip=frozenset())
    evaluators = written.get("evaluators") or []
    if not isinstance(evaluators, list):
        raise RecipeError("evaluation.evaluators: write a list")
    parts = tuple(
        read_part(f"evaluation.evaluators.{at}", one, Evaluator, foreign=foreign) for at, one in enumerate(evaluators)
    )
    if "greater_is_better" not in written:
        settings["greater_is_better"] = not lower_is_better(settings["best"])
    judged = Evaluation(**{**settings, "evaluators": parts})
    if judged.best == LAST and (judged.patience is not None or not judged.greater_is_better):
        raise RecipeError("evaluation: with best: last there is nothing to wait for; leave patience and greater_is_better out")
    return judged


def _completed(part: Part, samples: Sequence[Sample]) -> Part:
    assert issubclass(part.kind, Encoder | Objective)
    arguments = part.kind.complete(part.arguments, samples)
    found = saved_model(arguments["pretrained"]) if isinstance(arguments.get("pretrained"), str) else None
    return replace(part, arguments=arguments if found is None else {**arguments, "pretrained": str(found)})


def _saved(part: Part, folder: Path) -> Part:
    """The part rebuilt from a saved run's configuration; weights come from the run."""
    if "pretrained" not in part.arguments:
        return part
    return replace(part, arguments={**part.arguments, "pretrained": str(folder), "weights": "random"})


@contextlib.contextmanager
def _seeded(seed: int, entry: str) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_from(seed, entry))
        yield
