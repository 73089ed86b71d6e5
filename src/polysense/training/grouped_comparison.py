"""Is one run better than another within each value of a column? Only what the rows of a group can tell is told of it."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan
from pathlib import Path

from polysense.data.json_file import read_object
from polysense.errors import RecipeError
from polysense.training import comparison
from polysense.training.comparison import Comparison, Pair, group_name, grouped
from polysense.training.folder import SUMMARY
from polysense.training.predictions import listed

FEWEST = 10
"""Rows of a group, below which it has no interval and no p: what is drawn again of a handful of rows hardly differs from them."""

OF_CLASSES = ("weighted_f1", "macro_f1", "micro_f1", "macro_precision", "macro_recall")
"""Metrics over the classes: of rows that all have one true class they say nothing that accuracy, their recall, does not."""

TARGETS = ("label", "score")
"""Fields of a table that predictions have as ``target``."""


def compare(
    base: str | Path,
    other: str | Path,
    *,
    split: str = "test",
    metric: str | None = None,
    resamples: int = 5000,
    seed: int = 0,
    by: str | None = None,
) -> Comparison:
    """Compare two run folders by one metric: the named one, else the one that chose ``other``'s checkpoint, else weighted F1.

    ``MAE/text``, ``Corr/audio``, ... are of what the runs predict of a modality by itself. ``by`` names a column of the predictions
    (``target``, ``missing``, one of the table's own); the result then has ``groups``. A group of fewer than ``FEWEST`` rows has NaN as
    ``low``, ``high``, ``p_value`` and ``detectable``. Where no metric was named and a group has one true class, the groups are
    compared by accuracy instead of by a mean over classes. ``note`` says either.

    Raises:
        DataError: the runs share no seed, or differ in their rows or targets.
        RecipeError: there is no such metric or column.
    """
    if by is not None:
        _refuse_targets(Path(base), Path(other), split=split, by=by)
    found = comparison.compare(base, other, split=split, metric=metric, resamples=resamples, seed=seed, by=by)
    if by is None:
        return found
    notes = [found.note] if found.note else []
    groups = found.groups
    if found.metric in OF_CLASSES and (same := _of_one_class(Path(base), Path(other), split=split, by=by)):
        pair = Pair.read(Path(base), Path(other), split=split)
        rather = next(name for name in ("accuracy", "subset_accuracy") if name in pair.metrics)
        told = f"all rows with {by} {listed(same)} have one true class, of which {found.metric} says no more than {rather} does"
        if metric is None:
            told += ", the share of them that is found (recall): the groups are compared by it"
            groups = pair.compare([rather], resamples=resamples, seed=seed, by=by)[rather].groups
        notes.append(told)
    if few := [f"{value} ({one.rows})" for value, one in groups.items() if one.rows < FEWEST]:
        notes.append(f"no interval and no p of fewer than {FEWEST} rows: {by} {listed(few)}")
    return replace(found, note="; ".join(notes), groups={value: _bearable(one) for value, one in groups.items()})


def has_interval(found: Comparison) -> bool:
    """Whether there are rows enough that it has an interval and a p."""
    return not isnan(found.p_value)


def _bearable(found: Comparison) -> Comparison:
    if found.rows >= FEWEST:
        return found
    return replace(found, low=nan, high=nan, p_value=nan, detectable=nan)


def _of_one_class(base: Path, other: Path, *, split: str, by: str) -> list[str]:
    """The groups of several rows, all of which have the same true class or classes; none where all of them are a handful."""
    rows = Pair.read(base, other, split=split).rows
    groups = {value: places for value, places in grouped(rows, by=by).items() if len(places) > 1}
    same = [value for value, places in groups.items() if len({group_name(rows[place]["target"]) for place in places}) == 1]
    return same if any(len(groups[value]) >= FEWEST for value in same) else []


def _refuse_targets(base: Path, other: Path, *, split: str, by: str) -> None:
    """Raise where the column is that of the true labels or scores, which predictions have under another name."""
    pair = Pair.read(base, other, split=split)
    if by in {name for row in pair.rows for name in row.get("extra") or {}}:
        return
    named = (read_object(run / SUMMARY).get("recipe", {}).get("corpora") or () for run in (base, other))
    columns = [one.get("init_args", {}).get("columns") or {} for some in named for one in some]
    if by in TARGETS or by in {one.get(field) for one in columns for field in TARGETS}:
        raise RecipeError(
            f"the predictions have no column {by!r}: what a row truly is stands under 'target' there, so --by target groups by it"
        )
