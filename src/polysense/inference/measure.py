"""Trained models on labelled data that they have not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from polysense.data.corpora.posts import Posts
from polysense.data.corpus import Corpus
from polysense.data.table import Table, refuse_or_skip
from polysense.data.verify import verify
from polysense.errors import DataError, RecipeError, display
from polysense.evaluation.evaluator import Evaluator, Progress
from polysense.inference.predictor import Predictor
from polysense.progress import say
from polysense.recipe import Recipe
from polysense.training.folder import SUMMARY, WEIGHTS, finished, read_json, run_of, seed_of
from polysense.training.run import read_data
from polysense.types import Sample


def measure(
    run: Path,
    data: Path,
    *,
    split: str = "test",
    evaluators: Sequence[Evaluator] | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
    media_root: Path | None = None,
    skip_bad_rows: bool = False,
    trust_recipe_code: bool = False,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """``{"seed", "metrics"}`` for every seed of a run, or for a single saved model, on a split of ``data``.

    ``evaluators`` are the recipe's own by default. A file is read as a table of posts, a folder by the recipe's corpora;
    ``columns`` and ``encoding`` are of a table, where it is not as the recipe says.

    Raises:
        DataError: the data cannot be used, or none of the split's rows has a target.
        RecipeError: there is no such run.
        PolysenseError: the run is not finished.
    """
    if not (run / WEIGHTS).is_file():
        finished(run)
    found = []
    samples = None
    for seed, folder in _seeds(run) or [(seed_of(run), run)]:
        predictor = Predictor.from_pretrained(folder, trust_recipe_code=trust_recipe_code)
        if samples is None:
            table = labelled(predictor.recipe, data, columns=columns, encoding=encoding, media_root=media_root)
            problems = verify(table, labels=predictor.labels or None, splits=(), progress=progress)
            samples = _chosen(refuse_or_skip(table, problems, skip_bad_rows=skip_bad_rows), split, run)
        metrics = predictor.measure(samples, evaluators=evaluators)
        if not metrics:
            raise DataError(
                f"{display(data)}: no row of {split!r} has what is measured: targets, or the pairs and heads that the evaluators need"
            )
        found.append({"seed": seed, "metrics": metrics})
    return found


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


def _chosen(table: Table, split: str, run: Path) -> list[Sample]:
    """The rows of a split. A table without splits is measured whole, unless the run was trained on it and so knows its own split."""
    trained_on = read_json(run_of(run) / SUMMARY).get("data", {}).get("digests")
    if table.split_made and dict(table.digests) != trained_on:
        say(f"{table.name} has no splits: all {len(table)} rows are measured")
        return [replace(sample, index=index) for index, sample in enumerate(table.samples)]
    return table.split(split)


def _seeds(run: Path) -> list[tuple[int | None, Path]]:
    """The seeds of a run with their folders, ascending; none where it is a single model."""
    names = (folder.name.removeprefix("seed-") for folder in run.glob("seed-*") if (folder / WEIGHTS).is_file())
    return [(seed, run / f"seed-{seed}") for seed in sorted(int(name) for name in names if name.isdecimal())]
