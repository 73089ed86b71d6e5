"""A training run: a recipe, data and seeds in; a folder with models, metrics and predictions out."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from polysense.data.bad_rows import refuse_or_skip
from polysense.data.corpus import Corpus
from polysense.data.counts import Counts
from polysense.data.label_checks import label_warnings
from polysense.data.problem_list import lines as problem_lines
from polysense.data.rows import FIELDS
from polysense.data.table import Table, from_dataset, from_rows, with_splits
from polysense.data.verify import belong_together, verify
from polysense.distributed import world
from polysense.errors import ArgumentError, DataError, RecipeError
from polysense.evaluation.evaluator import measured_rows
from polysense.evaluation.reference import mean_references, references
from polysense.metrics.sentiment import Dataset
from polysense.objectives.objective import Objective
from polysense.progress import bar, once, say, say_of_data
from polysense.recipe import Recipe, load_recipe
from polysense.recipe.foreign import blamed
from polysense.recipe.parts import Part
from polysense.recipe.recipe import LAST
from polysense.training.aspects import missing_aspects, reads_aspects, unread_aspects
from polysense.training.baseline import median_score, most_frequent
from polysense.training.card import write_card
from polysense.training.checkpoints import write_whole
from polysense.training.command import command
from polysense.training.folder import SUMMARY, refuse_another_run, standing, start
from polysense.training.lock import held
from polysense.training.overview import counted, joined_labels, overview
from polysense.training.precision import settle_precision
from polysense.training.processes import first, from_first, together
from polysense.training.rehearsal import rehearse
from polysense.training.score_rules import following, score_rules, unfitting
from polysense.training.seed import train_seed
from polysense.training.splits import Splits, read_columns
from polysense.training.stopping import standing as judged_by
from polysense.types import Sample

PACKAGES = ("polysense", "torch", "transformers", "accelerate", "numpy", "scikit-learn", "pillow", "polars")


@together()
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
    after_seed: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Train a recipe on data, once a seed, and return the summary that is also written to ``<out>/run.json``.

    In a program that ``torchrun`` started several times, all processes train one run together and all are given the summary.

    Args:
        recipe: a shipped recipe's name, a YAML file, or a loaded recipe.
        data: a table file or a corpus folder (read by the recipe's corpora), a table, rows as dicts, or a Hugging Face data set.
        out: the run's folder.
        seeds: one training a seed; the recipe's own seed by default.
        overrides: ``key.to.value=new`` over the recipe.
        resume: go on with an unfinished run in ``out``.
        overwrite: throw away a run that is there.
        skip_bad_rows: train without the rows that cannot be used; they are listed.
        media_root: the folder that pictures may lie in; the table's own by default.
        use_cache: run frozen encoders once and keep their outputs on disk.
        after_seed: told what each seed came to as soon as it is finished; of several processes in the first.

    Raises:
        RecipeError: the recipe is wrong, or ``out`` holds another run.
        DataError: the data cannot be used.
    """
    if resume and overwrite:
        raise RecipeError("resume goes on with the run that is there, overwrite throws it away: choose one of them")
    if overrides and not isinstance(recipe, str):
        raise RecipeError(
            "overrides are for a recipe that is given by its name or file: load_recipe(name, overrides) reads one with them"
        )
    called = recipe if isinstance(recipe, str) else recipe.name
    recipe = load_recipe(recipe, overrides) if isinstance(recipe, str) else recipe
    seeds = list(seeds if seeds is not None else [int(recipe.training.get("seed", 0))])
    if len(set(seeds)) != len(seeds) or not seeds:
        raise RecipeError(f"seeds: every seed once, found {seeds}")
    if wrong := [seed for seed in seeds if not 0 <= seed < 2**32]:
        raise RecipeError(f"seeds: whole numbers from 0 to 2**32 - 1, found {wrong[0]}")
    folder = Path(out)
    with held(folder):
        from_first(lambda: refuse_another_run(folder, resume=resume, overwrite=overwrite))
        table = usable_rows(recipe, read_data(recipe, data, media_root=media_root), skip_bad_rows=skip_bad_rows)
        splits = Splits.of(table, columns=read_columns(recipe))
        drawn = splits.drawn(seeds[0])
        shown, labels = sum(drawn.sizes), Counts.of(drawn.samples).labelled
        for line in overview(table, splits, shown=shown, labels=labels):
            say_of_data(line)
        recipe = following(recipe, table)
        warned = [str(problem) for problem in table.problems if problem.severity == "warning"]
        for line in [*warned, *unread_aspects(recipe, table), *unfitting(recipe, table), *joined_labels(table)]:
            say_of_data(line)
        if recipe.start is not None:
            say(recipe.going_on().in_words(recipe))
        with blamed():
            complete = settle_precision(recipe.complete(splits.train), begun=folder if resume else None)
        from_first(lambda: rehearse(complete, splits, folder, seed=seeds[0]))
        described = _data(complete, table, splits, shown=shown, labels=labels) | {"made_with": _made_with(use_cache=use_cache)}
        refuse_different_data(described["content"])
        asked = command(
            called,
            data if isinstance(data, str | Path) else "ROWS",
            seeds=seeds,
            overrides=overrides,
            media_root=media_root,
            skip_bad_rows=skip_bad_rows,
            use_cache=use_cache,
        )
        noted = described | {"command": asked}
        from_first(lambda: start(folder, complete, noted, resume=resume, overwrite=overwrite))
        for skipped in problem_lines(table.skipped):
            say_of_data(f"skipped: {skipped}")
        for seed in seeds if resume else ():
            say(f"seed {seed} {standing(folder / f'seed-{seed}')}")
        results = []
        with once():
            for seed in seeds:
                with blamed():
                    place = folder / f"seed-{seed}"
                    trained = train_seed(complete, splits, place, asked=recipe, seed=seed, resume=resume, use_cache=use_cache)
                results.append(trained)
                if first():
                    after_seed(results[-1])
        summary = _whole_summary(complete, splits, results) | {
            "data": described,
            "command": asked,
            "skipped_rows": [asdict(problem) for problem in table.skipped],
        }
        from_first(lambda: _write_down(folder, summary))
        return summary


def _whole_summary(recipe: Recipe, splits: Splits, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all seeds came to, beside what any model must beat."""
    named, judged = _labels(recipe), {"validation": splits.validation, "test": splits.test}
    rules = score_rules(recipe.written()) if all("MAE" in result["validation"] for result in results) else None
    seeds = [result["seed"] for result in results]
    return _summary(recipe, results) | {
        "most_frequent": {name: most_frequent(rows, named) for name, rows in judged.items()},
        "median_score": {
            name: {} if rules is None else median_score(splits.train, rows, dataset=rules) for name, rows in judged.items()
        },
        "references": from_first(lambda: _references(splits, seeds, rules)) if named or rules else {},
        "synthetic": _synthetic(splits.train),
    }


def _write_down(folder: Path, summary: Mapping[str, Any]) -> None:
    write_whole(folder / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False))
    write_card(folder, summary)


def refuse_different_data(content: str) -> None:
    """Raise a DataError in a process that read other rows than process 0: on another machine, perhaps."""
    if from_first(lambda: content) != content:
        raise DataError("the processes read different data: the rows, their order or the content of their pictures differ")


def usable_rows(recipe: Recipe, table: Table, *, skip_bad_rows: bool) -> Table:
    """The table, checked: it has what the recipe reads, and no bad rows or, where they may be skipped, is without them.

    Raises:
        DataError: names the file and the column, or the bad rows.
    """
    if "validation" not in table.splits and not table.bad:
        asked = [f"{part.entry}.validation" for part in recipe.corpora if "validation" in signature(part.kind).parameters]
        way = f"; hold some out: --set {asked[0]}={max(1, len(table) // 10)}" if asked else ""
        raise DataError(
            f"{table.name}: no row is of the split 'validation', on which every training is watched{belong_together(table)}{way}"
        )
    fields = _read_by(recipe)
    table = table.read_by(fields)
    if not table.bad:  # before pictures are decoded, which may take minutes
        table.require(fields)
    with bar("checking rows", "pictures") as progress:
        problems = verify(table, labels=_known_labels(recipe, table), splits=("train", "validation"), progress=progress)
    problems += missing_aspects(recipe, table)
    table = refuse_or_skip(table, problems, skip_bad_rows=skip_bad_rows)
    table = replace(table, problems=tuple(dict.fromkeys([*table.problems, *label_warnings(table)])))
    table.require(fields)
    for field in {"label", "score"}.intersection(fields):
        for split in ("train", "validation"):
            if all(getattr(sample, field) is None for sample in table.split(split)):
                raise DataError(f"{table.name}: no row of the split {split!r} has a {field!r}")
    return table


def _read_by(recipe: Recipe) -> list[str]:
    """The fields that a table must have: the modalities and aspects of the encoders, the targets of the objectives."""
    fields = set(recipe.encoders) | ({"aspect"} if reads_aspects(recipe) else set())
    for signal in recipe.objectives.values():
        assert issubclass(signal.part.kind, Objective)
        fields |= signal.part.kind.reads
    return sorted(fields & set(FIELDS))


def read_data(
    recipe: Recipe,
    data: str | Path | Table | Iterable[Mapping[str, Any]],
    *,
    media_root: Path | None = None,
    reads: Collection[str] | None = None,
) -> Table:
    """The samples of all corpora of a recipe under one root, or of a table, a Hugging Face data set or rows given in Python.

    ``reads`` are the modalities that somebody reads, those of the recipe by default: what is wrong with other media makes no row bad.
    """
    reads = _read_by(recipe) if reads is None else reads
    if isinstance(data, Table):
        if media_root is not None:
            raise RecipeError(
                "media_root: the table is read already; name the folder where it is read, read_table(…, media_root=…)"
            )
        return data
    if not isinstance(data, str | Path):
        ours = type(data).__module__.partition(".")[0] != "datasets"
        read, kept = (from_rows, list(data)) if ours else (from_dataset, data)  # rows may be looked at twice
        rows = partial(read, kept, media_root=media_root, split_seed=None, reads=reads)
        alone = recipe.corpora[0] if len(recipe.corpora) == 1 else None
        return with_splits(rows(), seed=0) if alone is None else _built(recipe, alone, lambda corpus: corpus.adopted(rows))
    if not recipe.corpora:
        raise RecipeError(f"recipe {recipe.name}: the entry 'corpora' is missing")
    tables = [
        _built(recipe, part, lambda corpus: corpus.read_by(reads).candidates(Path(data), media_root=media_root))
        for part in recipe.corpora
    ]
    return replace(tables[0] if len(tables) == 1 else joined(tables), media_root=media_root)


def _built(recipe: Recipe, part: Part, read: Callable[[Corpus], Table]) -> Table:
    """What a corpus of the recipe reads; data that do not fit one of its arguments are told with a value that they fit."""
    try:
        return read(part.build())
    except ArgumentError as error:
        raise DataError(f"{error}; {_other_value(recipe, part, error)}", problems=error.problems) from None


def _other_value(recipe: Recipe, part: Part, error: ArgumentError) -> str:
    """How to ask for what the data can give; of all corpora that ask for the same, where nothing is to be asked for."""
    same = [one for one in recipe.corpora if one.arguments.get(error.argument) == part.arguments.get(error.argument)]
    parts = same if error.instead == "null" else [part]
    options = " ".join(f"--set {one.entry}.{error.argument}={error.instead}" for one in parts)
    return f"{'to train without it' if error.instead == 'null' else 'for instance'}: {options}"


def joined(tables: Sequence[Table]) -> Table:
    """Several tables as one; ids get their table's name in front, and ``source`` says which one a row came from.

    Of tables that have one name, the place is told too, so that no two rows have one id.
    """
    taken = Counter(table.name for table in tables)
    names = [table.name if taken[table.name] == 1 else f"{place}: {table.name}" for place, table in enumerate(tables)]
    samples = tuple(
        replace(sample, id=f"{name}/{sample.id}", source=f"{place}: {table.name}")
        for place, (name, table) in enumerate(zip(names, tables, strict=True))
        for sample in table.samples
    )
    files = Counter(file for file, _ in {pair for table in tables for pair in table.digests.items()})  # other ones of one name
    return replace(
        tables[0],
        name=" + ".join(table.name for table in tables),
        samples=samples,
        problems=tuple(problem for table in tables for problem in table.problems),
        digests={
            file if files[file] == 1 else f"{name}/{file}": digest
            for name, table in zip(names, tables, strict=True)
            for file, digest in table.digests.items()
        },
        draws={f"{place}: {table.name}": draw for place, table in enumerate(tables) for draw in table.draws.values()},
        left_out={
            f"{name}: {reason}": count
            for name, table in zip(names, tables, strict=True)
            for reason, count in table.left_out.items()
        },
        score_range=tables[0].score_range if len({table.score_range for table in tables}) == 1 else None,
        held_out=sum(table.held_out for table in tables),
        corpus=next((table.corpus for table in tables if table.bad), None),
    )


def _known_labels(recipe: Recipe, table: Table) -> list[str] | None:
    """The classes that rows may have: the recipe's, else those of the training rows; None where the recipe has no classes."""
    if not any(isinstance(labels, list | None) for labels in _named_labels(recipe)):
        return None
    return _labels(recipe) or (table.labels("train") if "train" in table.splits else None)


def _data(recipe: Recipe, table: Table, splits: Splits, *, shown: int, labels: int) -> dict[str, Any]:
    kinds = [part.kind for part in recipe.evaluation.evaluators]
    return {
        "name": table.name,
        "digests": dict(table.digests),
        "content": splits.digest,
        "splits": splits.sizes,
        "drawn": shown,
        "drawn_labels": labels,
        "labelled": {name: count.labelled for name, count in counted(splits).items()},
        "measured": {
            name: measured_rows(kinds, rows) for name, rows in (("validation", splits.validation), ("test", splits.test))
        },
        "split_made": table.split_made,
        "left_out": dict(table.left_out),
    }


def _made_with(*, use_cache: bool) -> dict[str, str]:
    """What must be equal, besides recipe and data, for a run to go on as if unbroken."""
    versions = _versions()
    return {name: versions[name] for name in ("polysense", "torch", "transformers")} | {
        "cache": "on" if use_cache else "off",
        "processes": str(world()),
    }


def _summary(recipe: Recipe, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    judged = recipe.evaluation
    chosen = judged.best != LAST  # else the first seed stands for the run
    best = max(results, key=lambda result: judged_by(result["validation"], judged)) if chosen else results[0]
    return {
        "polysense": version("polysense"),
        "name": recipe.name,
        "best_seed": best["seed"],
        "best_metric": judged.best,
        "greater_is_better": judged.greater_is_better,
        "seeds": [result["seed"] for result in results],
        "per_seed": list(results),
        "labels": _labels(recipe),
        "recipe": recipe.written(),
        "versions": _versions(),
        "machine": {"processor": platform.machine(), "threads": torch.get_num_threads(), "python": platform.python_version()},
    }


def _references(splits: Splits, seeds: Sequence[int], rules: Dataset | None) -> dict[str, Any]:
    """What the words alone reach, on the rows that the run is scored on; nothing where no row has a text and one class, or a score.

    Where each seed draws what it learns from, they learn from the same, and their scores are means over the seeds.
    """
    scored = splits.test or splits.validation
    if not all(any(_told(sample, rules) for sample in rows) for rows in (splits.train, scored)):
        return {}
    say_of_data(f"scoring TF-IDF of the texts on {'test' if splits.test else 'validation'}, to compare with")
    if not splits.draws:
        return references(splits.train, scored, rules=rules)
    return mean_references([references(splits.drawn(seed).samples, scored, rules=rules) for seed in seeds])


def _told(sample: Sample, rules: Dataset | None) -> bool:
    """Whether it has a text, and what is predicted: a class, or with rules a score."""
    return sample.text is not None and (isinstance(sample.label, str) if rules is None else sample.score is not None)


def _labels(recipe: Recipe) -> list[str]:
    return next((labels for labels in _named_labels(recipe) if isinstance(labels, list) and labels), [])


def _named_labels(recipe: Recipe) -> list[Any]:
    """What objectives have under ``labels``: classes, None for those of the rows; a word says how labels are made."""
    arguments = [signal.part.arguments for signal in recipe.objectives.values()]
    return [one["labels"] for one in arguments if "labels" in one]


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
