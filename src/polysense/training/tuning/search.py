"""The search: optuna proposes values, each trial is an ordinary training that is judged on validation alone.

What a trial proposes follows from the seed of the search, the number of the trial and the results of those before it. So a search that
was killed proposes what it would have unbroken, and the trial that was under way goes on from its last checkpoint.
"""

from __future__ import annotations

import csv
import io
import json
import math
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from polysense.data.json_file import read_object
from polysense.errors import DataError, PolysenseError, RecipeError
from polysense.evaluation.one_answer import in_words as answer_in_words
from polysense.evaluation.one_answer import who
from polysense.progress import once, say
from polysense.recipe.files import dump_yaml, read_recipe
from polysense.seeds import seed_from
from polysense.training.ablation.running import in_words
from polysense.training.checkpoints import write_whole
from polysense.training.predictions import answered_alike
from polysense.training.rival import floors
from polysense.training.run import train
from polysense.training.tuning.question import BEST, STUDY, TABLE, TRIALS, Tuning
from polysense.training.tuning.space import Range, Space

RESEED = 2**32
"""Seeds of optuna's samplers lie below this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One finished trial."""

    number: int
    values: Mapping[str, Any]
    score: float | None
    """The metric on validation, mean over the seeds; None where training diverged."""
    per_seed: tuple[float, ...]
    seconds: float
    note: str
    """``the recipe's own values``, which model answers all rows alike, or why there is no score."""
    alike: tuple[int, ...] = ()
    """The seeds whose model answers all rows of validation alike."""
    floors: Mapping[str, float] = field(default_factory=dict)
    """What is reached without a neural network on the same rows: by its name, the metric on validation."""

    @property
    def learned_nothing(self) -> bool:
        """Whether the models of all seeds answer so: whatever they score, they tell no row from another."""
        return bool(self.alike) and len(self.alike) == len(self.per_seed)


@once()
def search(tuning: Tuning) -> list[Trial]:
    """Run the trials that are missing and return all, in their order; the table and the best recipe are written after each."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _study(tuning)
    (tuning.out / TRIALS).mkdir(exist_ok=True)
    begun = [one for one in study.get_trials(deepcopy=False) if one.state == TrialState.RUNNING]
    found = _finished(tuning)
    _say_what_comes(tuning, there=len(found))
    began, done = time.monotonic(), 0
    while len(found) < tuning.trials:
        trial = begun.pop(0) if begun else _next(study, tuning, found)
        if set(trial.params) != set(tuning.space):  # killed while its values were drawn
            study.tell(trial.number, state=TrialState.FAIL)
            continue
        result = _noted(tuning, trial.number) or _try(tuning, trial)
        if not any(one.number == result.number for one in found):
            found.append(result)
        state = TrialState.FAIL if result.score is None else TrialState.COMPLETE
        study.tell(trial.number, result.score, state=state, skip_if_finished=True)
        _write_down(tuning, found)
        shutil.rmtree(_folder_of(tuning, trial.number), ignore_errors=True)  # weights are large, and all settings are noted
        done += 1
        remaining = (tuning.trials - len(found)) * (time.monotonic() - began) / done
        about = "less than a minute" if remaining < 60 else f"about {in_words(remaining)}"
        rest = f"; {about} to go" if len(found) < tuning.trials else ""
        scored = [] if result.score is None else [f"{tuning.metric} {result.score:.4f}"]
        say(f"trial {result.number}: {_listed(result.values)}: {'; '.join([*scored, *filter(None, [result.note])])}{rest}")
    return found


def counted(trials: int) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{trials} trial{'' if trials == 1 else 's'}"


def _say_what_comes(tuning: Tuning, *, there: int) -> None:
    left = tuning.trials - there
    if left <= 0:
        more = "" if tuning.settings == there else "; a larger --trials goes on searching"
        say(f"the search is finished: {counted(there)} {'is' if there == 1 else 'are'} read, none is trained{more}")
        return
    seeds = f"seed{'' if len(tuning.seeds) == 1 else 's'} {', '.join(map(str, tuning.seeds))}"
    say(
        f"{counted(left)} of {tuning.recipe} with {seeds}, by {tuning.metric} on validation; no test row is read"
        f"{'; how long it takes is told after the first' if left > 1 else ''}"
    )
    if tuning.settings == tuning.trials:
        say(f"the space has {tuning.settings} settings: each is tried once")
    for entry, told in tuning.outside.items():
        say(f"the recipe as it is is not among the trials: its {entry} is {told}")


def best_of(tuning: Tuning, trials: Sequence[Trial]) -> Trial:
    """The one with the best score, the earliest of equals; one that learned nothing only where all are such.

    Raises:
        PolysenseError: every training diverged.
    """
    scored = [(one.score, one) for one in trials if one.score is not None]
    if not scored:
        raise PolysenseError("no trial came to an end with a score: every training diverged; try lower learning rates")
    sign = 1 if tuning.greater_is_better else -1
    return max(scored, key=lambda pair: (not pair[1].learned_nothing, sign * pair[0], -pair[1].number))[1]


def _study(tuning: Tuning) -> optuna.Study:
    study = optuna.create_study(
        storage=f"sqlite:///{tuning.out / STUDY}",
        study_name="polysense",
        direction="maximize" if tuning.greater_is_better else "minimize",
        load_if_exists=True,
    )
    if tuning.own is not None and not study.get_trials(deepcopy=False):
        study.enqueue_trial(dict(tuning.own))
    return study


def _next(study: optuna.Study, tuning: Tuning, before: Sequence[Trial]) -> FrozenTrial:
    """The next trial, with its values."""
    trials = study.get_trials(deepcopy=False)
    waiting = sum(one.state == TrialState.WAITING for one in trials)
    seed = seed_from(tuning.seed, len(trials) - waiting) % RESEED
    if tuning.settings is not None and not waiting:
        study.enqueue_trial(_untried(study, tuning.space, [one.values for one in before], seed))
    study.sampler = optuna.samplers.TPESampler(seed=seed)
    asked = study.ask(_distributions(tuning.space))
    return next(one for one in study.get_trials(deepcopy=False) if one.number == asked.number)


def _untried(study: optuna.Study, space: Space, tried: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """What optuna proposes, or where that was tried, a setting drawn from the others, of which there is one at least."""
    scratch = optuna.create_study(direction=study.direction, sampler=optuna.samplers.TPESampler(seed=seed))
    scratch.add_trials([one for one in study.get_trials(deepcopy=False) if one.state.is_finished()])
    drawn = dict(scratch.ask(_distributions(space)).params)
    generator = random.Random(seed)
    while drawn in tried:
        drawn = {entry: generator.choice(values.every) for entry, values in space.items() if values.every is not None}
    return drawn


def _distributions(space: Space) -> dict[str, BaseDistribution]:
    found: dict[str, BaseDistribution] = {}
    for entry, values in space.items():
        if not isinstance(values, Range):
            found[entry] = CategoricalDistribution(values.values)
        elif values.whole:
            found[entry] = IntDistribution(int(values.low), int(values.high), log=values.log)
        else:
            found[entry] = FloatDistribution(values.low, values.high, log=values.log)
    return found


def _try(tuning: Tuning, trial: FrozenTrial) -> Trial:
    """Train with the values of a trial, once a seed, and note what it came to."""
    values, folder = dict(trial.params), _folder_of(tuning, trial.number)
    began = time.monotonic()
    notes = ["the recipe's own values"] if values == tuning.own else []
    scores: tuple[float, ...] = ()
    alike: list[dict[str, Any]] = []
    beaten: dict[str, float] = {}
    try:
        summary = train(
            tuning.recipe,
            tuning.table,
            out=folder,
            seeds=tuning.seeds,
            overrides=tuning.changes(values),
            resume=folder.exists(),
            use_cache=tuning.use_cache,
        )
    except PolysenseError as error:
        if isinstance(error, RecipeError | DataError) and all(one.score is None for one in _finished(tuning)):
            raise  # most likely not of these values alone: all trials would end so
        notes = [str(error)]
    else:
        scores = tuple(float(result["validation"].get(tuning.metric, math.nan)) for result in summary["per_seed"])
        alike = answered_alike(folder, tuning.seeds, "validation")
        beaten = {name: one[tuning.metric] for name, one in floors(summary).items() if tuning.metric in one}
    known = bool(scores) and all(map(math.isfinite, scores))
    one_seed = len(tuning.seeds) == 1
    for one in alike:
        whose = "" if one_seed else f"{who(one['seed'])} "
        notes.append(f"{whose}answers {answer_in_words(one['answer'])} for all {one['rows']:,} rows")
    result = Trial(
        number=trial.number,
        values=values,
        score=fmean(scores) if known else None,
        per_seed=scores if known else (),
        seconds=round(time.monotonic() - began, 1),
        note="; ".join(notes),
        alike=tuple(sorted({one["seed"] for one in alike})),
        floors=beaten,
    )
    write_whole(_note_of(tuning, trial.number), json.dumps(asdict(result), indent=2))
    return result


def _folder_of(tuning: Tuning, number: int) -> Path:
    return tuning.out / TRIALS / f"trial-{number:04d}"


def _note_of(tuning: Tuning, number: int) -> Path:
    return tuning.out / TRIALS / f"trial-{number:04d}.json"


def _noted(tuning: Tuning, number: int) -> Trial | None:
    """A trial that was finished, whether or not the study was told; None where it was not."""
    file = _note_of(tuning, number)
    if not file.is_file():
        return None
    noted = read_object(file)
    return Trial(**{**noted, "per_seed": tuple(noted["per_seed"]), "alike": tuple(noted.get("alike", ()))})


def _finished(tuning: Tuning) -> list[Trial]:
    files = sorted((tuning.out / TRIALS).glob("trial-*.json"))
    found = [_noted(tuning, int(file.stem.removeprefix("trial-"))) for file in files]
    return [one for one in found if one is not None]


def _write_down(tuning: Tuning, trials: Sequence[Trial]) -> None:
    """The table, and the recipe with the best values so far, if anything was learned with them."""
    page = io.StringIO()
    rows = csv.writer(page, lineterminator="\n")
    rows.writerow(["trial", *tuning.space, tuning.metric, *(f"seed {seed}" for seed in tuning.seeds), "seconds", "note"])
    for one in trials:
        each = one.per_seed or [""] * len(tuning.seeds)
        rows.writerow([one.number, *(one.values[entry] for entry in tuning.space), one.score, *each, one.seconds, one.note])
    write_whole(tuning.out / TABLE, page.getvalue())
    if any(one.score is not None and not one.learned_nothing for one in trials):
        best = best_of(tuning, trials)
        raw = read_recipe(tuning.recipe, tuning.changes(best.values))
        title = f"# {tuning.recipe}, tuned on validation: the best of {counted(len(trials))}, number {best.number}."
        write_whole(tuning.out / BEST, f"{title}\n{dump_yaml(raw)}")


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{entry} {value:.4g}" if isinstance(value, float) else f"{entry} {value}" for entry, value in values.items()
    )
