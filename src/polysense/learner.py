"""The learner: model, objectives and their weights as one module with one loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from polysense.data.collate import Prepares
from polysense.distributed import everywhere, rank
from polysense.encoders.encoder import Encoder
from polysense.errors import PolysenseError, RecipeError
from polysense.fusion.fusion import Fusion
from polysense.model import Model, Sight
from polysense.objectives.objective import Answering, Marking, Objective
from polysense.seeds import seed_from
from polysense.types import Batch, Prediction, Representation, Sample
from polysense.views.partial import Partial
from polysense.views.plain import Plain
from polysense.views.view import Shown, View, seeded


class Learner(nn.Module):
    """``loss = sum over objectives of weight * term``, every distinct view run once a step.

    Args:
        model: the shared backbone.
        objectives: by the recipe's names.
        weights: a factor a name; an objective of weight 0 is not run.
        turns: by name, what it takes turns in: of the objectives that find what they read in a training batch, one of each turn is
            run, drawn evenly from (seed, micro-step). Outside training all are run.
        seed: of the run; random views draw from (seed, micro-step, view).
        modality_dropout: by modality, the chance that a row is shown without it to objectives that see partial rows; in training only.
    """

    accepts_loss_kwargs = False  # the Trainer must not rescale the loss
    micro_step: Tensor

    def __init__(
        self,
        model: Model,
        objectives: Mapping[str, Objective],
        weights: Mapping[str, float],
        *,
        turns: Mapping[str, str] = MappingProxyType({}),
        seed: int,
        modality_dropout: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        for name, weight in weights.items():
            if not 0 <= weight < math.inf:
                raise RecipeError(f"objectives.{name}.weight: expected a number from 0 up, found {weight}")
        if weights and not any(weights.values()):
            raise RecipeError("objectives: every weight is 0, there is nothing to learn")
        self.model = model
        self.objectives = nn.ModuleDict(objectives)
        for one in objectives.values():
            one.borrow(objectives)
        self.weights = dict(weights)
        self.turns = dict(turns)
        self.seed = seed
        self.modality_dropout = dict(modality_dropout)
        self.register_buffer("micro_step", torch.zeros((), dtype=torch.int64))

    @property
    def active(self) -> dict[str, Objective]:
        """The objectives that are run: those of weight above 0."""
        return {name: self.objective(name) for name, weight in self.weights.items() if weight}

    @property
    def companions(self) -> bool:
        """Whether an objective reads the further texts of the rows."""
        return any(objective.companions for objective in self.active.values())

    @property
    def preparers(self) -> list[Prepares]:
        """Who prepares what the objectives read; of equal ones, one."""
        return list(dict.fromkeys(objective.preparer(self.model) for objective in self.active.values()))

    @property
    def answers(self) -> bool:
        """Whether an objective says something about a row."""
        return any(isinstance(objective, Answering | Marking) for objective in self.active.values())

    def objective(self, name: str) -> Objective:
        """An objective by its name in the recipe."""
        found = self.objectives[name]
        assert isinstance(found, Objective)
        return found

    def forward(self, **nested: Any) -> dict[str, Any]:
        """The loss of a nested batch: ``{"loss": scalar, "terms": {name: scalar}, "parts": {"name/part": scalar}}``, before weights.

        ``parts`` holds what the terms of several tasks are the sums of.

        Raises:
            PolysenseError: a term is not finite.
        """
        batch, step = Batch.of(nested), int(self.micro_step)
        if (
            self.training
        ):  # dropout too follows from (seed, step): two runs of one seed drop the same units, whatever else they learn
            torch.manual_seed(seed_from(self.seed, step, rank(), "dropout"))
        terms = self.terms(batch, step=step)
        if self.training:
            self.micro_step += 1
        weighted = [self.weights[name] * term for name, term in terms.items()]
        loss = torch.stack(weighted).sum() if weighted else self._nothing()
        parts = {f"{name}/{part}": value for name in terms for part, value in self.objective(name).parts.items()}
        return {"loss": loss, "terms": {name: term.detach() for name, term in terms.items()}, "parts": parts}

    @property
    def parts(self) -> list[str]:
        """The names of all parts of terms that a batch may have."""
        return [f"{name}/{part}" for name, objective in self.active.items() for part in objective.parts]

    def terms(self, batch: Batch, *, step: int) -> dict[str, Tensor]:
        """The term of each objective that finds what it reads in the batch; views draw from (seed, ``step``).

        Raises:
            PolysenseError: a term is not finite.
        """
        look = self.look(batch, step=step)
        partial = PartialLook(look, Partial(tuple(self.modality_dropout.items()))) if self._drops else look
        ready = {name: one for name, one in self.active.items() if everywhere(batch.has(one.reads))}
        terms: dict[str, Tensor] = {}
        for name in self._chosen(list(ready), step):
            term = ready[name](partial if ready[name].sees_partial else look)
            if term is not None:
                terms[name] = _finite(name, term)
        return terms

    @property
    def _drops(self) -> bool:
        return self.training and any(self.modality_dropout.values())

    def _chosen(self, names: Sequence[str], step: int) -> list[str]:
        """These objectives, of those that take turns in training one each."""
        if not self.training:
            return list(names)
        takers: dict[str, list[str]] = {}
        for name in names:
            if name in self.turns:
                takers.setdefault(self.turns[name], []).append(name)
        taken = {Random(seed_from(self.seed, step, "turn", turn)).choice(group) for turn, group in takers.items()}
        return [name for name in names if name not in self.turns or name in taken]

    def look(self, batch: Batch, *, step: int) -> StepLook:
        """How objectives see the batch; views draw from (seed, ``step``)."""
        return StepLook(self.model, batch, seed=self.seed, step=step)

    def _nothing(self) -> Tensor:
        """A zero that backward accepts, for batches from which no objective learns."""
        parameter = next(parameter for parameter in self.parameters() if parameter.requires_grad)
        return parameter.flatten()[:1].sum() * 0.0

    def answer(
        self, batch: Batch, samples: Sequence[Sample] = (), *, vectors: bool = False
    ) -> tuple[Prediction, Representation]:
        """What the trained objectives say about each row, and the representation they say it of.

        Args:
            batch: the rows.
            samples: what they were prepared from, for objectives that mark parts of the texts.
            vectors: and what they read that off, see `Answering.vectors`.
        """
        representation = self.model(batch)
        columns: dict[str, Any] = {}
        for objective in self.active.values():
            if isinstance(objective, Answering):
                columns |= objective.answer(representation).columns
                columns |= objective.vectors(representation).columns if vectors else {}
            elif isinstance(objective, Marking):
                assert len(samples) == batch.size
                columns |= objective.mark(representation, samples, self.model).columns
        return Prediction(columns), representation


class StepLook:
    """How the objectives see one batch: equal views share one forward pass, and encoders run below the views."""

    def __init__(self, model: Model, batch: Batch, *, seed: int, step: int) -> None:
        self.batch = batch
        self._model = model
        self._sight = Sight(model, batch)
        self._seed = seed
        self._step = step
        self._seen: dict[View, tuple[Shown, Representation]] = {}

    def __call__(self, view: View) -> tuple[Shown, Representation]:
        """The shown batch and its representation."""
        if view not in self._seen:
            draw = seeded(view, seed=self._seed, step=self._step, rank=rank())
            batch = self.batch if view.states_of is None else self._sight.with_states(view.states_of)
            shown = view.show(batch, draw)
            self._seen[view] = shown, self._sight.see(shown)
        return self._seen[view]

    def encoder(self, modality: str) -> Encoder:
        """The encoder of a modality."""
        return self._model.encoder(modality)

    @property
    def fusion(self) -> Fusion:
        """The model's fusion."""
        return self._model.fusion

    def draw(self, purpose: str) -> torch.Generator:
        """What an objective draws by besides its view, from (seed, micro-step, process, purpose)."""
        return seeded(purpose, seed=self._seed, step=self._step, rank=rank())


class PartialLook:
    """A look whose plain view is another one.

    Args:
        look: at the same batch; the other views are its own.
        plain: in the place of `Plain`.
    """

    def __init__(self, look: StepLook, plain: View) -> None:
        self.batch = look.batch
        self._look = look
        self._plain = plain

    def __call__(self, view: View) -> tuple[Shown, Representation]:
        """The shown batch and its representation."""
        return self._look(self._plain if view == Plain() else view)

    def encoder(self, modality: str) -> Encoder:
        """The encoder of a modality."""
        return self._look.encoder(modality)

    @property
    def fusion(self) -> Fusion:
        """The model's fusion."""
        return self._look.fusion

    def draw(self, purpose: str) -> torch.Generator:
        """What an objective draws by besides its view."""
        return self._look.draw(purpose)


def _finite(name: str, term: Tensor) -> Tensor:
    if not bool(torch.isfinite(term)):
        raise PolysenseError(f"the objective {name!r} became {term.item()}: training diverged; try a lower learning_rate")
    return term
