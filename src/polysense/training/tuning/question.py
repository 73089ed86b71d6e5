"""What is to be tuned, checked before anything is trained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from polysense.data.json_file import read_object
from polysense.data.table import Table
from polysense.errors import RecipeError, display
from polysense.recipe import load_recipe
from polysense.recipe.recipe import LAST
from polysense.training.changes import changed_entries
from polysense.training.checkpoints import write_whole
from polysense.training.folder import RECIPE
from polysense.training.lock import LOCK
from polysense.training.processes import launched
from polysense.training.run import read_data, usable_rows
from polysense.training.splits import Splits, read_columns
from polysense.training.tuning.space import Space, settings_in, value_at

ASKED = "tuning.json"
STUDY = "study.db"
TRIALS = "trials"
TABLE = "trials.csv"
BEST = "best.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """A search that can begin, or go on. Made by :func:`ask`."""

    recipe: str
    table: Table
    """Without test rows."""
    out: Path
    space: Space
    trials: int
    """In all, those of an earlier call included; no more than there are settings."""
    settings: int | None
    """How many the space has, if there is an end of them."""
    seeds: tuple[int, ...]
    """Of every trial."""
    seed: int
    """Of the search."""
    overrides: tuple[str, ...]
    metric: str
    greater_is_better: bool
    own: Mapping[str, Any] | None
    """The recipe's own values, where they lie in the space."""
    outside: Mapping[str, str]
    """Those that do not, in words, by their entry."""
    asked: Mapping[str, Any]
    """What must be equal for a search to go on."""
    use_cache: bool

    def changes(self, values: Mapping[str, Any]) -> list[str]:
        """The overrides of a trial; what is tuned goes last."""
        return [*self.overrides, *(f"{entry}={value}" for entry, value in values.items())]


def ask(
    recipe: str,
    data: Path,
    *,
    out: Path,
    space: Space,
    trials: int,
    seeds: Sequence[int] | None = None,
    seed: int = 0,
    overrides: Sequence[str] = (),
    skip_bad_rows: bool = False,
    media_root: Path | None = None,
    use_cache: bool = True,
) -> Tuning:
    """Check what is asked: that the recipe takes the values of the space, and that there is something to choose by.

    Raises:
        RecipeError: the recipe does not take a value, or has no metric that chooses.
        DataError: the data cannot be used.
    """
    if launched() > 1:
        raise RecipeError("tune trains one run after another in one process; start it without torchrun")
    read = load_recipe(recipe, overrides)
    judged = read.evaluation
    if judged.best == LAST:
        raise RecipeError(
            f"recipe {recipe}: evaluation.best is 'last', which tells no values apart; name a metric of validation"
        )
    own, outside = {}, {}
    for entry, values in space.items():
        same = values.own(there := value_at(read.written(), entry))
        for value in values.ends:
            try:
                taken = load_recipe(recipe, [*overrides, f"{entry}={value}"])
            except RecipeError as error:
                raise RecipeError(f"--space {entry}: {error}") from None
            if same is None and taken.written() == read.written():  # a part with its defaults is written by its name
                same = value
        if same is None:
            outside[entry] = f"{_brief(there)}, not in {values}"
        own[entry] = same
    table = usable_rows(read, read_data(read, data, media_root=media_root), skip_bad_rows=skip_bad_rows)
    table = replace(table, samples=tuple(sample for sample in table.samples if sample.split in ("train", "validation")))
    chosen = tuple(seeds if seeds is not None else [int(read.training.get("seed", 0))])
    settings = settings_in(space)
    return Tuning(
        recipe=recipe,
        table=table,
        out=out,
        space=space,
        trials=trials if settings is None else min(trials, settings),
        settings=settings,
        seeds=chosen,
        seed=seed,
        overrides=tuple(overrides),
        metric=judged.best,
        greater_is_better=judged.greater_is_better,
        own=None if outside else own,
        outside=outside,
        asked={
            "recipe": read.written(),
            "space": {entry: values.written for entry, values in space.items()},
            "seeds": list(chosen),
            "seed": seed,
            "data": Splits.of(table, columns=read_columns(read)).digest,
        },
        use_cache=use_cache,
    )


def begin(tuning: Tuning, *, resume: bool, overwrite: bool) -> None:
    """Make the folder, or make sure that the search in it is the same.

    Raises:
        DataError: it is a file.
        RecipeError: it holds something else, or a search that is neither gone on with nor replaced, or one of something else.
    """
    out = tuning.out
    if (out / RECIPE).is_file():
        raise RecipeError(f"{display(out)} is a run: choose another --out")
    asked = json.loads(json.dumps(tuning.asked))
    if out.is_dir() and any(path.name != LOCK for path in out.iterdir()):
        if not (out / ASKED).is_file():
            raise RecipeError(f"{display(out)} is not empty and holds no search: choose another --out")
        if overwrite:
            shutil.rmtree(out / TRIALS, ignore_errors=True)
            for name in (STUDY, TABLE, BEST, ASKED):
                (out / name).unlink(missing_ok=True)
        elif not resume:
            raise RecipeError(
                f"{display(out)} holds a search: go on with --resume, replace it with --overwrite, or choose another --out"
            )
        elif different := {name: value for name, value in read_object(out / ASKED).items() if asked.get(name) != value}:
            told = [line for name, value in different.items() for line in _told(name, value, asked.get(name))]
            raise RecipeError(
                "\n  ".join(
                    [f"{display(out)} was started with another {' and another '.join(different)}: choose another --out", *told]
                )
            )
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / ASKED, json.dumps(asked, indent=2, ensure_ascii=False))


def _told(name: str, before: Any, now: Any) -> list[str]:
    """What was asked and is asked otherwise now, as one writes it."""
    if name == "recipe":
        return changed_entries(before, now)
    if name == "space":
        return [f"{_options(before)}, now {_options(now)}"]
    if name == "data":  # digests, which tell nobody anything
        return ["the rows, their order or the content of their pictures differ"]
    before, now = (",".join(map(str, one)) if isinstance(one, list) else one for one in (before, now))
    return [f"--{name} {before}, now --{name} {now}"]


def _options(space: Mapping[str, str]) -> str:
    return " ".join(f"--space {entry}={values}" for entry, values in space.items())


def _brief(value: object) -> str:
    """JSON, without what is longer than a line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}..."
