"""A training run: a recipe, data and seeds in; a folder with models, metrics and predictions out."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from polysense.data.corpus import Corpus
from polysense.data.table import Table, from_rows, refuse_or_skip
from polysense.data.verify import verify
from polysense.errors import DataError, PolysenseError, Problem, RecipeError, display
from polysense.recipe import Recipe, load_recipe
from polysense.training.arguments import settle_precision
from polysense.training.card import write_card
from polysense.training.progress import bar, say
from polysense.training.seed import Splits, train_seed
from polysense.types import Sample

PACKAGES = ("polysense", "torch", "transformers", "accelerate", "numpy", "scikit-learn", "pillow", "polars")


def train(
    recipe: str | Recipe,
    data: str | Path | Table | Iterable[Mapping[str, Any]],
    *,
    out: str | Path,
    seeds: Sequence[int] | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    skip_bad_rows: bool = False,
    media_root: Path | None = None,
    use_cache: bool = True,
) -> dict[str, Any]:
    """Train a recipe on data, once a seed, and return the summary that is also written to ``<out>/run.json``.

    Args:
        recipe: a shipped recipe's name, a YAML file, or a loaded recipe.
        data: a table file or a corpus folder (read by the recipe's corpora), a table, or rows as dicts.
        out: the run's folder.
        seeds: one training a seed; the recipe's own seed by default.
        overrides: ``key.to.value=new`` over the recipe.
        resume: go on with an unfinished run in ``out``.
        overwrite: throw away a run that is there.
        skip_bad_rows: train without the rows that cannot be used; they are listed.
        media_root: the folder that pictures may lie in; the table's own by default.
        use_cache: run frozen encoders once and keep their outputs on disk.

    Raises:
        RecipeError: the recipe is wrong, or ``out`` holds another run.
        DataError: the data cannot be used.
    """
    recipe = load_recipe(recipe, overrides) if isinstance(recipe, str) else recipe
    seeds = list(seeds if seeds is not None else [int(recipe.training.get("seed", 0))])
    if len(set(seeds)) != len(seeds) or not seeds:
        raise RecipeError(f"seeds: every seed once, found {seeds}")
    folder = Path(out)
    _refuse_another_run(folder, resume=resume, overwrite=overwrite)
    table = read_data(recipe, data, media_root=media_root)
    table = refuse_or_skip(table, verify(table, progress=bar("checking rows", "pictures")), skip_bad_rows=skip_bad_rows)
    splits = Splits.of(table)
    recipe = settle_precision(recipe.complete(splits.train))
    _start(folder, recipe, resume=resume, overwrite=overwrite)
    _tell_skipped(table.skipped)
    results = [
        train_seed(recipe, splits, folder / f"seed-{seed}", seed=seed, resume=resume, use_cache=use_cache) for seed in seeds
    ]
    summary = _summary(recipe, table, splits, results)
    (folder / "run.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False), encoding="utf-8")
    write_card(folder, summary)
    return summary


def read_data(
    recipe: Recipe, data: str | Path | Table | Iterable[Mapping[str, Any]], *, media_root: Path | None = None
) -> Table:
    """The samples of all corpora of a recipe under one root, or of a table or rows given in Python."""
    if isinstance(data, Table):
        return data
    if not isinstance(data, str | Path):
        return from_rows(data)
    if not recipe.corpora:
        raise RecipeError(f"recipe {recipe.name}: the entry 'corpora' is missing")
    tables = []
    for part in recipe.corpora:
        corpus: Corpus = part.build()
        tables.append(corpus.read(Path(data), media_root=media_root))
    return tables[0] if len(tables) == 1 else joined(tables)


def joined(tables: Sequence[Table]) -> Table:
    """Several tables as one; ids get their table's name in front."""
    samples = tuple(replace(sample, id=f"{table.name}/{sample.id}") for table in tables for sample in table.samples)
    return replace(
        tables[0],
        name=" + ".join(table.name for table in tables),
        samples=samples,
        problems=tuple(problem for table in tables for problem in table.problems),
        digests={file: digest for table in tables for file, digest in table.digests.items()},
    )


def _refuse_another_run(folder: Path, *, resume: bool, overwrite: bool) -> None:
    if overwrite or not folder.exists():
        return
    if not folder.is_dir():
        raise DataError(f"{display(folder)} is not a folder")
    if any(folder.iterdir()) and not resume:
        raise RecipeError(
            f"{display(folder)} is not empty: go on with --resume, replace it with --overwrite, or choose another --out"
        )


def _start(folder: Path, recipe: Recipe, *, resume: bool, overwrite: bool) -> None:
    """Make the folder, or make sure that the run in it is of the same recipe."""
    stored = folder / "recipe.yaml"
    if overwrite and folder.exists():
        if any(folder.iterdir()) and not stored.exists():
            raise RecipeError(f"{display(folder)} holds no run: --overwrite does not delete other files")
        shutil.rmtree(folder)
    if resume and stored.is_file() and stored.read_text(encoding="utf-8") != recipe.to_yaml():
        raise RecipeError(
            f"{display(folder)} was started with another recipe or other data (see {display(stored)}); choose another --out"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stored.write_text(recipe.to_yaml(), encoding="utf-8")
    except OSError as error:
        raise DataError(f"the run's folder {display(folder)} cannot be written: {error.strerror or error}") from error


def _tell_skipped(skipped: Sequence[Problem]) -> None:
    for problem in skipped:
        say(f"skipped: {problem}")


def _summary(recipe: Recipe, table: Table, splits: Splits, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    judged = recipe.evaluation
    choose = max if judged.greater_is_better else min
    best = choose(results, key=lambda result: result["validation"][judged.best])
    return {
        "polysense": version("polysense"),
        "name": recipe.name,
        "synthetic": _synthetic(splits.train),
        "best_seed": best["seed"],
        "best_metric": judged.best,
        "greater_is_better": judged.greater_is_better,
        "seeds": [result["seed"] for result in results],
        "per_seed": list(results),
        "data": {
            "name": table.name,
            "digests": dict(table.digests),
            "splits": {"train": len(splits.train), "validation": len(splits.validation), "test": len(splits.test)},
            "split_made": table.split_made,
        },
        "labels": _labels(recipe),
        "versions": _versions(),
        "machine": {"processor": platform.machine(), "threads": torch.get_num_threads(), "python": platform.python_version()},
        "skipped_rows": [asdict(problem) for problem in table.skipped],
    }


def _labels(recipe: Recipe) -> list[str]:
    found = (signal.part.arguments.get("labels") for signal in recipe.objectives.values())
    return next((labels for labels in found if labels), [])


def _synthetic(samples: Sequence[Sample]) -> bool:
    return any(sample.extra.get("synthetic", "").lower() == "true" for sample in samples)


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def best_folder(run: Path) -> Path:
    """The folder of a run's best seed on validation; a seed's own folder or a saved model's is returned as it is.

    Raises:
        PolysenseError: the run is not finished.
    """
    if (run / "model.safetensors").is_file() or not run.is_dir():
        return run
    file = run / "run.json"
    if not file.is_file():
        if any(run.glob("seed-*")):
            raise PolysenseError(
                f"{display(run)} is not finished: go on with `polysense train ... --resume`, or name one of its seeds"
            )
        return run
    best = json.loads(file.read_text(encoding="utf-8"))["best_seed"]
    return run / f"seed-{best}"
