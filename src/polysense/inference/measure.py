"""Models on labelled data that they have not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from polysense.data.corpora.posts import Posts
from polysense.data.corpus import Corpus
from polysense.data.json_file import read_object
from polysense.data.table import Table, refuse_or_skip
from polysense.data.verify import verify
from polysense.errors import DataError, RecipeError, display
from polysense.evaluation.evaluator import Evaluator, Progress
from polysense.inference.predictor import Predictor
from polysense.inference.sources import models
from polysense.progress import say
from polysense.recipe import Recipe
from polysense.training.folder import SUMMARY, run_of
from polysense.training.run import read_data
from polysense.types import Sample


@dataclass(frozen=True, slots=True)
class Plan:
    """An evaluator and what it measures on."""

    evaluator: Evaluator
    benchmark: Table | None
    """Sets of its own, which are measured whole; None where it takes a split of whatever data there are."""

    @property
    def name(self) -> str:
        """The evaluator's."""
        return type(self.evaluator).__name__


def plan(evaluators: Sequence[Evaluator], data: Path) -> list[Plan]:
    """What each evaluator measures on, where ``data`` is a table, a corpus folder, or the folder of all data sets.

    Raises:
        DataError: an evaluator has sets of its own, and none is under ``data``, or one is damaged.
    """
    return [Plan(evaluator, evaluator.read(data)) for evaluator in evaluators]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The data, and how they are read."""

    data: Path
    split: str | None
    columns: Mapping[str, str] | None
    encoding: str | None
    media_root: Path | None
    skip_bad_rows: bool
    progress: Progress | None


def measure(
    source: str | Path,
    data: Path,
    *,
    split: str | None = None,
    plans: Sequence[Plan] | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
    media_root: Path | None = None,
    skip_bad_rows: bool = False,
    trust_recipe_code: bool = False,
    pooling: str | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """``{"seed", "metrics"}`` for every seed of a run, or for a single model, on ``data``.

    A file is read as a table of posts, a folder by the recipe's corpora. Evaluators that have sets of their own under ``data`` measure
    these whole.

    Args:
        source: a run, a saved model, a text encoder that another library saved, a Hugging Face id, or ``minilm``.
        data: a table, a corpus folder, or the folder of all data sets.
        split: of ``data``, ``test`` by default.
        plans: what to measure (see :func:`plan`); by default the recipe's evaluators on a split of ``data``.
        columns: field -> column, where a table's are not as the recipe says.
        encoding: of a table, likewise.
        media_root: the folder that pictures may lie in.
        skip_bad_rows: measure without them.
        trust_recipe_code: run the code outside polysense that the model's recipe names.
        pooling: read another library's encoder with this one.
        progress: of checking the rows.

    Raises:
        DataError: the data cannot be used, or nothing in them can be measured.
        RecipeError: there is no such model, it names nothing to measure, or an option means nothing for what is measured.
        PolysenseError: the run is not finished.
    """
    reading = _Reading(
        data=data,
        split=split,
        columns=columns,
        encoding=encoding,
        media_root=media_root,
        skip_bad_rows=skip_bad_rows,
        progress=progress,
    )
    _refuse_options(reading, plans)
    found = []
    asked: list[tuple[list[Evaluator] | None, Sequence[Sample]]] = []
    for seed, model in models(source):
        predictor = Predictor.from_pretrained(model, trust_recipe_code=trust_recipe_code, pooling=pooling)
        asked = asked or _asked(predictor, Path(source), plans, reading)
        metrics: dict[str, float] = {}
        for evaluators, samples in asked:
            metrics |= predictor.measure(samples, evaluators=evaluators)
        if not metrics:
            raise DataError(_nothing(plans, reading))
        found.append({"seed": seed, "metrics": metrics})
    return found


def _refuse_options(reading: _Reading, plans: Sequence[Plan] | None) -> None:
    """Raise where an option would do nothing, since every evaluator has sets of its own."""
    if not plans or any(one.benchmark is None for one in plans):
        return
    for option in ("split", "columns", "encoding", "media_root"):
        if getattr(reading, option) is not None:
            names = " and ".join(one.name for one in plans)
            raise RecipeError(f"--{option.replace('_', '-')} has no meaning for {names}: sets of their own are measured whole")


def _asked(
    predictor: Predictor, source: Path, plans: Sequence[Plan] | None, reading: _Reading
) -> list[tuple[list[Evaluator] | None, Sequence[Sample]]]:
    """The rows to measure on, each with the evaluators that they are for; None stands for the recipe's own."""
    found: list[tuple[list[Evaluator] | None, Sequence[Sample]]] = []
    for one in plans or ():
        if one.benchmark is not None:
            table = _usable(one.benchmark, [], reading)
            say(f"{one.name}: {len(table)} rows of {table.name}, whatever their split")
            found.append(([one.evaluator], _numbered(table)))
    others = None if plans is None else [one.evaluator for one in plans if one.benchmark is None]
    if others is None or others:
        _refuse_nothing_to_read(predictor.recipe, str(source), others, reading.data)
        table = labelled(
            predictor.recipe,
            reading.data,
            columns=reading.columns,
            encoding=reading.encoding,
            media_root=reading.media_root,
        )
        found.append((others, _chosen(_usable(table, predictor.labels, reading), reading.split or "test", source)))
    return found


def _refuse_nothing_to_read(recipe: Recipe, source: str, evaluators: Sequence[Evaluator] | None, data: Path) -> None:
    if evaluators is None and not recipe.evaluation.evaluators:
        raise RecipeError(f"{source} does not say what to measure: name it with --evaluator (sts, geometry, transfer, ...)")
    if not recipe.corpora and not data.is_file():
        names = ", ".join(type(one).__name__ for one in evaluators or ()) or source
        raise DataError(f"{display(data)} is no table, and holds no set that {names} can be measured on")


def _usable(table: Table, labels: Sequence[str], reading: _Reading) -> Table:
    problems = verify(table, labels=labels or None, splits=(), progress=reading.progress)
    return refuse_or_skip(table, problems, skip_bad_rows=reading.skip_bad_rows)


def _nothing(plans: Sequence[Plan] | None, reading: _Reading) -> str:
    where = f"{display(reading.data)}: no row of {reading.split or 'test'!r}"
    if plans and all(one.benchmark is not None for one in plans):
        where = f"{' and '.join(one.name for one in plans)}: no row of {display(reading.data)}"
    return f"{where} has what is measured: targets, or the pairs and heads that the evaluators need"


def labelled(
    recipe: Recipe, data: Path, *, columns: Mapping[str, str] | None, encoding: str | None, media_root: Path | None
) -> Table:
    """The rows to measure on: of a corpus folder as in training, or of anybody's table, whatever the model was trained on.

    Raises:
        RecipeError: columns or an encoding are named for a corpus, which knows its own.
    """
    given: dict[str, Any] = {} if columns is None else {"columns": dict(columns)}
    given |= {} if encoding is None else {"encoding": encoding}
    if data.is_file() and not any(_reads(part.kind, data.name) for part in recipe.corpora):
        return Posts(**given).read(data, media_root=media_root)
    if given:
        for part in recipe.corpora:
            if not issubclass(part.kind, Posts):
                raise RecipeError(f"{' and '.join(given)}: for your own tables; the corpus {part.kind.__name__} knows its own")
        parts = (replace(part, arguments={**part.arguments, **given}) for part in recipe.corpora)
        recipe = replace(recipe, corpora=tuple(parts))
    return read_data(recipe, data, media_root=media_root)


def _reads(kind: type, name: str) -> bool:
    return issubclass(kind, Posts) or (issubclass(kind, Corpus) and name in kind.layout)


def _chosen(table: Table, split: str, source: Path) -> list[Sample]:
    """The rows of a split. A table without splits is measured whole, unless the run was trained on it and so knows its own split."""
    trained_on = read_object(run_of(source) / SUMMARY).get("data", {}).get("digests")
    if table.split_made and dict(table.digests) != trained_on:
        say(f"{table.name} has no splits: all {len(table)} rows are measured")
        return _numbered(table)
    return table.split(split)


def _numbered(table: Table) -> list[Sample]:
    return [replace(sample, index=index) for index, sample in enumerate(table.samples)]
