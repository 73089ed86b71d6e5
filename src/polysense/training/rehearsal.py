"""A walk through all that a training does, on a handful of rows, before anything is written."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import torch
from transformers import Trainer, TrainingArguments
from transformers.optimization import get_scheduler

from polysense.data.collate import Collate, Prepares
from polysense.data.media import content_key
from polysense.data.mixtures.mixture import Mixture
from polysense.distributed import alone, world
from polysense.errors import DataError, PolysenseError, RecipeError, choices, display
from polysense.evaluation.evaluator import Answerer
from polysense.learner import Learner
from polysense.recipe import Recipe
from polysense.recipe.foreign import described
from polysense.recipe.recipe import LAST
from polysense.recipe.training import BY_PART
from polysense.training.arguments import training_arguments
from polysense.training.saved import write_assets
from polysense.training.seed import by_part, score
from polysense.training.splits import Splits
from polysense.training.untaught import not_yet
from polysense.types import Sample

ROWS = 4
"""Rows of training and of validation that are looked at; matching and contrasts need a second one."""


def rehearse(recipe: Recipe, splits: Splits, folder: Path, *, seed: int) -> None:
    """Build all that a training takes and run it once, so that a wrong recipe is refused before anything is written.

    Random numbers that others draw stay what they were. Frozen encoders are run, their outputs are not kept.

    Args:
        recipe: complete.
        splits: of the run.
        folder: of the run; only named.
        seed: of the run.

    Raises:
        RecipeError: names the entry and the wrong value, or says why the recipe cannot be run with this data.
        DataError: the disk is too small for what a training writes.
    """
    processes = world()
    with alone(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        arguments = training_arguments(recipe, folder, seed=seed)
        learner = recipe.build(seed=seed).eval()
        _refuse_lone_rows(learner, rows=arguments.per_device_train_batch_size * processes)
        _refuse_small_disk(learner, folder)
        for entry in BY_PART:
            by_part(recipe, learner, entry)
        drawn = splits.drawn(seed)
        for name, objective in learner.active.items():
            if lacking := objective.lacking(drawn.samples):
                raise RecipeError(f"objectives.{name}: {lacking}")
        try:
            _build_optimizer(arguments)
            _mix(recipe, drawn.sizes, arguments)
            for rows in _by_source(drawn.samples):
                _learn(learner, rows)
            metrics = _judge(recipe, learner, splits.validation)
            with tempfile.TemporaryDirectory() as elsewhere:
                write_assets(Path(elsewhere), recipe, learner)
        except (PolysenseError, OSError):
            raise
        except Exception as error:
            raise RecipeError(f"the recipe {recipe.name} cannot be run with this data: {described(error)}") from error
    best = recipe.evaluation.best
    if best not in {*metrics, LAST}:
        raise RecipeError(f"evaluation.best: no evaluator gives {best!r}; {choices(best, [*metrics, LAST])}")


def _refuse_lone_rows(learner: Learner, *, rows: int) -> None:
    """Raise where a batch, of all processes together, has a single row, and an objective needs others."""
    if rows > 1:
        return
    for name, objective in learner.objectives.items():
        if objective.among_rows:
            raise RecipeError(
                f"training.per_device_train_batch_size: the objective {name} tells a row from the others of its batch, so it needs two "
                "rows at least, and learns more from 64"
            )


def _refuse_small_disk(learner: Learner, folder: Path) -> None:
    """A training writes its weights three times (the best, a checkpoint and the next one) and what the optimizer keeps two times."""
    sizes = [(one.numel() * one.element_size(), one.requires_grad) for one in learner.parameters()]
    needed = sum(3 * size + (4 * size if learns else 0) for size, learns in sizes)
    there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise DataError(
            f"{display(folder)}: a training of this model writes about {needed / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free "
            f"under {display(there)}: make room, or choose another --out"
        )


def _build_optimizer(arguments: TrainingArguments) -> None:
    """The optimizer's package is there, and the schedule takes its arguments."""
    kind, settings = Trainer.get_optimizer_cls_and_kwargs(arguments)
    optimizer = kind([torch.nn.Parameter(torch.zeros(1, 1))], **settings)
    assert not isinstance(arguments.lr_scheduler_kwargs, str)  # the Trainer's arguments have read it
    get_scheduler(
        arguments.lr_scheduler_type,
        optimizer,
        num_warmup_steps=1,
        num_training_steps=10,
        scheduler_specific_kwargs=arguments.lr_scheduler_kwargs,
    )


def _mix(recipe: Recipe, sizes: Sequence[int], arguments: TrainingArguments) -> None:
    """The mixture takes the recipe's corpora."""
    mixture: Mixture = recipe.mixture.build()
    len(mixture.batches(sizes, arguments.per_device_train_batch_size, seed=0))


def _by_source(samples: Sequence[Sample]) -> list[list[Sample]]:
    return [list(rows) for _, rows in groupby(samples, key=lambda sample: sample.source)]


def _learn(learner: Learner, samples: Sequence[Sample]) -> None:
    collate = Collate(_encoders(learner), learner.preparers, companions=learner.companions)
    with torch.no_grad():
        learner(**collate(telling(samples, learner.model.encoders)))


def _judge(recipe: Recipe, learner: Learner, samples: Sequence[Sample]) -> dict[str, float]:
    """The metrics on a few rows; each modality is asked by itself, too, as for the predictions."""
    answerer = Answerer(learner, Collate(_encoders(learner)))
    chosen = [row for rows in _by_source(samples) for row in telling(rows, learner.model.encoders)]
    for name in learner.model.encoders:
        answerer.predict([sample for sample in chosen if getattr(sample, name) is not None], only=[name])
    evaluators = [part.build() for part in recipe.evaluation.evaluators]
    return not_yet(evaluators, learner, samples) | score(answerer, evaluators, chosen)


def _encoders(learner: Learner) -> dict[str, Prepares]:
    return {name: learner.model.encoder(name) for name in learner.model.encoders}


def telling(samples: Sequence[Sample], modalities: Iterable[str]) -> list[Sample]:
    """A few rows that differ in all that they show, those with the most modalities and targets first."""
    shown = list(modalities)
    fields = [*shown, "pair", "label", "score", "spans"]
    chosen: list[Sample] = []
    seen: set[int] = set()
    for sample in sorted(samples, key=lambda sample: sum(getattr(sample, field) is None for field in fields)):
        keys = {content_key(getattr(sample, name)) for name in shown} - {content_key(None)}
        if not chosen or not keys & seen:
            chosen.append(sample)
            seen |= keys
        if len(chosen) == ROWS:
            break
    return chosen
