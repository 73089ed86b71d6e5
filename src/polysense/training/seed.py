"""One seed of a run: train, keep the best weights on validation, score test once, write down what came out."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, set_seed
from transformers.trainer_callback import PrinterCallback

from polysense.data.cache import FeatureCache
from polysense.data.collate import Collate, Prepares
from polysense.data.draws import DrawnBatches
from polysense.data.json_file import read_object
from polysense.data.mixtures.mixture import Mixture
from polysense.distributed import world
from polysense.errors import RecipeError, choices
from polysense.evaluation.evaluator import Answerer, Evaluator, ways_asked
from polysense.learner import Learner
from polysense.progress import bar, say
from polysense.recipe import Recipe
from polysense.recipe.recipe import LAST
from polysense.recipe.training import COUPLED
from polysense.training import checkpoints
from polysense.training.arguments import idle_gpus, training_arguments
from polysense.training.examples import EXAMPLES, examples
from polysense.training.folder import LAST_MODEL, STEP_STATE, SUMMARY, WEIGHTS
from polysense.training.journal import Journal
from polysense.training.memory import write_memory
from polysense.training.processes import first, from_first, in_turn
from polysense.training.progress import TrainingBar
from polysense.training.saved import write_assets, write_model
from polysense.training.self_check import write_self_check
from polysense.training.settling import settle
from polysense.training.splits import Splits
from polysense.training.stopping import EarlyStopping, best_evaluation, patience_is_spent
from polysense.training.trainer import LearnerTrainer, load_weights, save_weights, under
from polysense.training.untaught import has_more_later, not_yet, too_early
from polysense.types import Sample

logging.getLogger("transformers.trainer_callback").setLevel(logging.ERROR)


def train_seed(
    recipe: Recipe, splits: Splits, folder: Path, *, asked: Recipe, seed: int, resume: bool, use_cache: bool
) -> dict[str, Any]:
    """Train one seed in ``folder`` and return what its ``run.json`` holds; ``asked`` is the recipe before it was completed.

    With ``resume``, a finished seed is read, not trained again, and an unfinished one goes on from its newest whole checkpoint,
    with the losses that it would have had unbroken.
    """
    done = folder / SUMMARY
    if resume and (found := from_first(lambda: read_object(done) if done.is_file() else None)):
        return found
    began = time.monotonic()
    drawn = splits.drawn(seed)
    recipe = recipe.of_shown(asked, drawn.samples) if splits.draws else recipe
    learner = recipe.build(seed=seed)
    learner.model.fit(splits.train)
    from_first(lambda: write_assets(folder, recipe, learner))
    arguments = training_arguments(recipe, folder / STEP_STATE, seed=seed)
    if idle := idle_gpus(arguments):
        say(idle)
    learner.to(arguments.device)  # before frozen encoders are run, which is much of the work
    modalities = readers(learner, [*drawn.samples, *splits.validation, *splits.test], use_cache=use_cache)
    answerer = Answerer(learner, Collate(modalities))
    mixture: Mixture = recipe.mixture.build()
    evaluators: list[Evaluator] = [part.build() for part in recipe.evaluation.evaluators]

    start = from_first(lambda: _start(answerer, evaluators, splits, seed=seed))

    def examine() -> dict[str, float]:
        metrics = _undecided(recipe, evaluators, learner, splits) | score(answerer, evaluators, splits.validation)
        write_memory(folder / "memory", learner, splits.train, step=trainer.state.global_step)
        return metrics | ({LAST: float(trainer.state.global_step)} if recipe.evaluation.best == LAST else {})

    processes = world()
    newest = from_first(lambda: _newest(folder, processes)) if resume else None
    checkpoint = None if newest is None else Path(newest)
    journal = Journal(folder, resumed=checkpoints.step_of(checkpoint) if checkpoint else 0, writes=first())
    set_seed(seed)
    trainer = LearnerTrainer(
        learner,
        arguments,
        samples=drawn.samples,
        batches=DrawnBatches(mixture.batches(drawn.sizes, arguments.per_device_train_batch_size * processes, seed=seed), drawn),
        collate=Collate(modalities, learner.preparers, companions=learner.companions),
        examine=examine,
        keep_best=lambda: save_weights(learner, folder / WEIGHTS),
        journal=journal,
        learning_rates=by_part(recipe, learner, "learning_rates"),
        weight_decays=by_part(recipe, learner, "weight_decays"),
        coupled_decay=COUPLED in recipe.training,
        callbacks=_callbacks(recipe, seed, journal),
    )
    trainer.remove_callback(PrinterCallback)
    if checkpoint is not None and (
        checkpoints.is_last(checkpoint) or patience_is_spent(journal.evaluations, recipe.evaluation)
    ):
        load_weights(learner, checkpoint / WEIGHTS)
    else:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if not journal.evaluations:  # it may end within the epoch that the delay waits for
        raise RecipeError("training.eval_delay: training ended before the first evaluation, so no weights were kept")

    def finish() -> dict[str, Any]:
        best, last = journal.evaluations[best_evaluation(journal.evaluations, recipe.evaluation)], journal.evaluations[-1]
        # Embeddings are asked elsewhere: what did choosing gain there? And what answers more of a row must not be lost.
        if best["step"] != last["step"] and (not learner.answers or has_more_later(best, last)):
            write_model(folder / LAST_MODEL, recipe, learner)
        load_weights(learner, folder / WEIGHTS)
        if settled := settle(learner, answerer, splits.validation):
            save_weights(learner, folder / WEIGHTS)
        write_self_check(folder, learner)
        kept = "last weights" if recipe.evaluation.best == LAST else "best weights on validation"
        say(f"seed {seed}: scoring {'test' if splits.test else 'validation'} with the {kept}")
        result = {
            "seed": seed,
            "start": start,
            "validation": score(answerer, evaluators, splits.validation),
            "test": score(answerer, evaluators, splits.test) if splits.test else {},
            "epochs": round(journal.last_step["epoch"], 4),
            "best_step": best["step"],
            "last_step": last["step"],
            "last": {name: value for name, value in last["metrics"].items() if name != LAST},
            "seconds": round(time.monotonic() - began, 1),
            **({"settled": settled} if settled else {}),
            **({"settings": settings} if (settings := ways_asked(evaluators, learner)) else {}),
            **({"untaught": best["untaught"]} if "untaught" in best else {}),
        }
        _say_if_too_early(best, last, folder, seed=seed)
        _write_answers(folder, answerer, splits, seed=seed)
        checkpoints.write_whole(done, json.dumps(result, indent=2))
        shutil.rmtree(folder / STEP_STATE, ignore_errors=True)
        return result

    return from_first(finish)


def _undecided(recipe: Recipe, evaluators: Sequence[Evaluator], learner: Learner, splits: Splits) -> dict[str, float]:
    """The metric that chooses the checkpoint, as no number, where it is of a head that has learned nothing yet."""
    silent = not_yet(evaluators, learner, splits.validation)
    return {name: value for name, value in silent.items() if name == recipe.evaluation.best}


def _say_if_too_early(best: Mapping[str, Any], last: Mapping[str, Any], folder: Path, *, seed: int) -> None:
    if told := too_early(best, last, elsewhere=f"{folder.name}/{LAST_MODEL}"):
        say(f"seed {seed}: {told}")


def _newest(folder: Path, processes: int) -> str | None:
    """The checkpoint to go on from, refused where another number of processes wrote it."""
    found = checkpoints.newest(folder / STEP_STATE)
    if found is not None:
        checkpoints.refuse_other_number(found, processes)
    return None if found is None else str(found)


def readers(learner: Learner, samples: Sequence[Sample], *, use_cache: bool) -> dict[str, Prepares]:
    """Who prepares each modality: the encoder, or the cache of what it or one that it reads gives, filled here on its device."""
    found: dict[str, Prepares] = {}
    for name in learner.model.encoders:
        encoder = learner.model.encoder(name)
        if encoder.cached is None or not use_cache:
            found[name] = encoder
            continue
        with in_turn(), bar(f"encoding {name} once", "rows") as progress:
            cache = FeatureCache(encoder.cached)
            cache.fill([*samples, *(companions(samples, name) if learner.companions else [])], progress=progress)
        found[name] = cache
    return found


def companions(samples: Sequence[Sample], modality: str) -> list[Sample]:
    """A row for each of the further texts or pictures of the samples."""
    if modality == "image":
        return [replace(sample, image=picture) for sample in samples for picture in sample.near_images]
    texts = [(sample, text) for sample in samples for text in (sample.pair, *sample.negatives, *sample.near_texts)]
    return [replace(sample, text=text) for sample, text in texts if text is not None] if modality == "text" else []


def score(answerer: Answerer, evaluators: Sequence[Evaluator], samples: Sequence[Sample]) -> dict[str, float]:
    """All metrics of all evaluators."""
    metrics: dict[str, float] = {}
    for evaluator in evaluators:
        metrics |= evaluator(answerer, samples)
    return metrics


def _start(answerer: Answerer, evaluators: Sequence[Evaluator], splits: Splits, *, seed: int) -> dict[str, dict[str, float]]:
    """What the learner scores before training on validation and test, by the evaluators to which that means something.

    A seed that goes on is asked again: its learner was just built, and no checkpoint is loaded yet.
    """
    asked = [evaluator for evaluator in evaluators if evaluator.before_training]
    if not asked:
        return {}
    say(f"seed {seed}: scoring the encoder as it is before training")
    return {name: score(answerer, asked, rows) for name, rows in (("validation", splits.validation), ("test", splits.test))}


def _write_answers(folder: Path, answerer: Answerer, splits: Splits, *, seed: int) -> None:
    """The answers to all held-out rows; where nothing was learned from targets, also what the learner does with a few of them."""
    if answerer.learner.answers:
        say(f"seed {seed}: writing predictions")
        write_predictions(folder / "predictions", answerer, splits)
    learned_from = frozenset().union(*(objective.reads for objective in answerer.learner.active.values()))
    if not learned_from & {"label", "score", "spans"} and (shown := examples(answerer, splits.test or splits.validation)):
        checkpoints.write_whole(folder / EXAMPLES, json.dumps(shown, indent=1, ensure_ascii=False))


def write_predictions(folder: Path, answerer: Answerer, splits: Splits) -> None:
    """One JSON line a row of validation and test; of test also with each modality alone where there are several.

    With three or more also without each: of the rows that have it and something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = set(answerer.collate.modalities)
    for split, samples in (("validation", splits.validation), ("test", splits.test)):
        if samples:
            _write_rows(folder / f"{split}.jsonl", answerer, samples, known)
    modalities = [name for name in answerer.collate.modalities if any(name in sample.modalities for sample in splits.test)]
    for name in modalities if len(modalities) > 1 else []:
        having = [sample for sample in splits.test if name in sample.modalities]
        _write_rows(folder / f"test.{name}.jsonl", answerer, having, {name})
    for name in modalities if len(modalities) > 2 else []:
        others = known - {name}
        having = [sample for sample in splits.test if name in sample.modalities and others & set(sample.modalities)]
        if having:
            _write_rows(folder / f"test.without_{name}.jsonl", answerer, having, others)


def _write_rows(file: Path, answerer: Answerer, samples: Sequence[Sample], shown: set[str]) -> None:
    """The answers to samples of which the modalities ``shown`` are seen."""
    answers = answerer.predict(samples, only=shown).rows()
    known = set(answerer.collate.modalities)
    with file.open("w", encoding="utf-8") as opened:
        for sample, answer in zip(samples, answers, strict=True):
            line = {
                "id": sample.id,
                "target": _target(sample),
                **{f"target_{name}": score for name, score in sample.scores.items()},
                **answer,
                "missing": sorted(known - (shown & set(sample.modalities))),
                "text": sample.text,
                **({} if sample.aspect is None else {"aspect": sample.aspect}),
                **({} if sample.group is None else {"group": sample.group}),
                "image": str(sample.image) if isinstance(sample.image, Path) else None,
                "extra": dict(sample.extra),
            }
            opened.write(f"{json.dumps(line, ensure_ascii=False)}\n")


def _target(sample: Sample) -> Any:
    """The class, the classes, the score, or the marked spans under ``spans``; None where nothing is known."""
    if sample.label is None and sample.score is None and sample.spans is not None:
        return {"spans": [asdict(span) for span in sample.spans]}
    return sample.label if sample.label is not None else sample.score


def _callbacks(recipe: Recipe, seed: int, journal: Journal) -> list[TrainerCallback]:
    shown = TrainingBar(
        f"{recipe.name}, seed {seed}",
        recipe.evaluation.best,
        lambda: journal.last_step["terms"],
        earlier=[step["terms"] for step in journal.earlier],
    )
    return [shown, EarlyStopping(recipe.evaluation, journal)]


def by_part(recipe: Recipe, learner: torch.nn.Module, entry: str) -> Mapping[str, float]:
    """The recipe's ``learning_rates`` or ``weight_decays`` by part; a part that is not there is refused by name."""
    values: Mapping[str, float] = recipe.training.get(entry) or {}
    names = [name for name, _ in learner.named_parameters()]
    modules = {name.removeprefix("model.") for name, _ in learner.named_modules()} - {"", "model", "encoders", "objectives"}
    for prefix in values:
        if not any(under(name, prefix) for name in names):
            raise RecipeError(f"training.{entry}: no part {prefix!r}; {choices(prefix, _shallow(modules))}")
    return values


def _shallow(modules: set[str]) -> list[str]:
    return [name for name in modules if name.count(".") <= 1]
