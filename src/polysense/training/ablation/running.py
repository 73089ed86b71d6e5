"""The trainings of an ablation, one run after another."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polysense.errors import DataError, RecipeError, display
from polysense.progress import once, say
from polysense.training.ablation.question import Ablation, Arm
from polysense.training.folder import RECIPE, SUMMARY
from polysense.training.lock import LOCK
from polysense.training.run import train


def refuse_folder(out: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise before any work is done if the folder of the runs holds what must not be touched.

    Raises:
        RecipeError: it is not empty and neither gone on with nor replaced, or is a run itself.
    """
    if not out.exists():
        return
    if (out / RECIPE).is_file():
        raise RecipeError(f"{display(out)} is a run: choose another --out")
    if any(path.name != LOCK for path in out.iterdir()) and not (resume or overwrite):
        raise RecipeError(
            f"{display(out)} is not empty: go on with --resume, replace the runs in it with --overwrite, or choose another --out"
        )


def refuse_small_disk(ablation: Ablation, *, resume: bool) -> None:
    """DataError where the weights of the trainings do not fit on the disk; with ``resume`` of those that are not finished."""
    there = next(place for place in (ablation.out, *ablation.out.absolute().parents) if place.is_dir())
    left = ablation.trainings - (len(_finished(ablation)) if resume else 0)
    needed, free = left * ablation.bytes_each, shutil.disk_usage(there).free
    if free < needed:
        raise DataError(
            f"{display(ablation.out)}: {left} trainings leave about {needed / 1e9:.1f} GB of weights, and "
            f"{free / 1e9:.1f} GB are free: make room, or ask for fewer --signals, --labels or --seeds"
        )


def _finished(ablation: Ablation) -> list[tuple[int, str, int]]:
    """The trainings that are: number of labels, arm and seed."""
    every = [(labels, arm.name, seed) for labels in ablation.labels for arm in ablation.arms for seed in ablation.seeds]
    return [
        (labels, arm, seed)
        for labels, arm, seed in every
        if (ablation.folder(labels, arm) / f"seed-{seed}" / SUMMARY).is_file()
    ]


def announce(ablation: Ablation, *, left: int) -> None:
    """Say what will be done, before it is begun; ``left`` trainings are not finished yet."""
    labels = ", ".join(f"all {count}" if ablation.named(count) == "all" else str(count) for count in ablation.labels)
    arms = ", ".join(arm.name for arm in ablation.arms)
    steps = sorted(set(ablation.steps.values()))
    size = ablation.trainings * ablation.bytes_each / 1e9
    say(
        f"{ablation.trainings} trainings of {ablation.recipe}: {len(ablation.arms)} arms ({arms}) x "
        f"{len(ablation.labels)} {_several('number', ablation.labels)} of labels ({labels}) x "
        f"{len(ablation.seeds)} {_several('seed', ablation.seeds)} ({', '.join(map(str, ablation.seeds))})"
    )
    beside = ablation.all_labels - ablation.labels[0] + ablation.unlabelled
    if beside:
        say(f"rows whose labels are not used take part in the signals, as many a step as labelled ones; up to {beside} of them")
    if not left:
        say("all of them are finished: their results are read")
        return
    say(
        f"at most {' or '.join(map(str, steps))} steps each, and about {size:.1f} GB of weights in all under {display(ablation.out)}"
        f"{'; how long it takes is told after the first training' if left > 1 else ''}"
    )


def _several(word: str, of: Sequence[object]) -> str:
    return word if len(of) == 1 else f"{word}s"


class Clock:
    """Says after each training how long the others will take."""

    def __init__(self, ablation: Ablation) -> None:
        self._left = {
            (labels, arm.name, seed): ablation.cost(labels, arm)
            for labels in ablation.labels
            for arm in ablation.arms
            for seed in ablation.seeds
        }
        self._all = len(self._left)
        self._seconds = 0.0
        self._cost = 0.0

    def was_done(self, labels: int, arm: str, seed: int) -> None:
        """A training that is not to be done any more."""
        self._left.pop((labels, arm, seed))
        self._all -= 1

    def tell(self, labels: int, arm: str, result: Mapping[str, Any]) -> None:
        """Say that a training is finished, where it was not before."""
        if (labels, arm, result["seed"]) in self._left:
            say(self.done(labels, arm, result))

    def done(self, labels: int, arm: str, result: Mapping[str, Any]) -> str:
        """A line about a finished training."""
        self._cost += self._left.pop((labels, arm, result["seed"]), 0.0)
        self._seconds += result["seconds"]
        left = sum(self._left.values()) * self._seconds / self._cost if self._cost else 0.0
        rest = f"; about {in_words(left)} to go" if self._left else ""
        return (
            f"training {self._all - len(self._left)} of {self._all} ({labels} labels, {arm}, seed {result['seed']}) "
            f"took {result['seconds']:.0f} s{rest}"
        )


def in_words(seconds: float) -> str:
    """``40 seconds``, ``12 minutes``, ``3.5 hours``."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


@once()
def run(ablation: Ablation, *, resume: bool = False, overwrite: bool = False) -> None:
    """Train all runs; with ``resume`` finished trainings are read and unfinished ones go on from their last checkpoint."""
    refuse_folder(ablation.out, resume=resume, overwrite=overwrite)
    refuse_small_disk(ablation, resume=resume)
    finished = _finished(ablation) if resume else []
    announce(ablation, left=ablation.trainings - len(finished))
    clock = Clock(ablation)
    for labels, name, seed in finished:
        clock.was_done(labels, name, seed)
    for labels in ablation.labels:
        for arm in ablation.arms:
            train_arm(ablation, labels, arm, clock, resume=resume, overwrite=overwrite)


def train_arm(ablation: Ablation, labels: int, arm: Arm, clock: Clock, *, resume: bool, overwrite: bool) -> None:
    """One run, over all seeds."""
    say(f"{labels} labels, {arm.name}:")
    train(
        ablation.recipe,
        ablation.data,
        out=ablation.folder(labels, arm.name),
        seeds=ablation.seeds,
        overrides=ablation.changes(labels, arm),
        resume=resume,
        overwrite=overwrite,
        skip_bad_rows=ablation.skip_bad_rows,
        media_root=ablation.media_root,
        use_cache=ablation.use_cache,
        after_seed=lambda result: clock.tell(labels, arm.name, result),
    )
