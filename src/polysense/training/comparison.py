"""Is one run better than another? The difference over their seeds and test rows, with its interval, and within groups of rows.

Both runs must have predicted the same rows. The differences are ``other - base``: positive means that ``other`` scores higher,
which is better, or of ``MAE`` worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import nan
from pathlib import Path

from polysense.training.compared import Comparison
from polysense.training.pair import Pair
from polysense.training.predictions import listed
from polysense.training.row_groups import FEWEST, grouped, of_one_class, refuse_targets

OF_CLASSES = ("weighted_f1", "macro_f1", "micro_f1", "macro_precision", "macro_recall")
"""Metrics over the classes: of rows that all have one true class they say nothing that accuracy, their recall, does not."""


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
    runs = Path(base), Path(other)
    pair = Pair.read(*runs, split=split)
    if by is not None:
        refuse_targets(pair.rows, runs, by=by)
    wanted = metric if metric is not None else pair.chosen_by(runs[1])
    if wanted in pair.own_metrics:
        pair = Pair.read(*runs, split=split, alone=wanted.partition("/")[2])
    found = pair.differences([wanted], resamples=resamples, seed=seed)[wanted]
    return found if by is None else _with_groups(pair, found, by=by, seed=seed, may_change=metric is None)


def compare_each(
    base: str | Path,
    other: str | Path,
    *,
    split: str = "test",
    metrics: Sequence[str] | None = None,
    resamples: int = 5000,
    seed: int = 0,
) -> dict[str, Comparison]:
    """Compare two runs by several metrics (the usual ones by default) on the same draws; raises as :func:`compare`."""
    pair = Pair.read(Path(base), Path(other), split=split)
    wanted = pair.default_metrics if metrics is None else metrics
    found = pair.differences(wanted, resamples=resamples, seed=seed)
    return {name: found[name] for name in wanted}


def _with_groups(pair: Pair, whole: Comparison, *, by: str, seed: int, may_change: bool) -> Comparison:
    """The comparison with that of each group of rows, by the same metric or, where that may change, by one that fits the groups."""
    places = grouped(pair.rows, by=by)
    metric, notes = whole.metric, []
    if metric in OF_CLASSES and (same := of_one_class(pair.rows, places)):
        rather = next(name for name in ("accuracy", "subset_accuracy") if name in pair.metrics)
        told = f"within {by} {listed(same)} all rows have one true class, of which {metric} says no more than {rather} does"
        if may_change:
            metric = rather
            told += ", the share of them that is found (recall): the groups are compared by it"
        notes.append(told)
    found = {value: pair.differences(places=some, resamples=whole.resamples, seed=seed) for value, some in places.items()}
    groups = {value: _bearable(one[metric]) for value, one in found.items() if metric in one}
    if without := [value for value in found if value not in groups]:
        notes.append(f"no {metric} of the rows with {by} {', '.join(without)}: it is undefined there")
    if few := [f"{value} ({one.rows})" for value, one in groups.items() if one.rows < FEWEST]:
        notes.append(f"no interval and no p of fewer than {FEWEST} rows: {by} {listed(few)}")
    return replace(whole, note="; ".join(filter(None, [whole.note, *notes])), groups=groups)


def _bearable(found: Comparison) -> Comparison:
    """Of few rows the difference alone."""
    if found.rows >= FEWEST:
        return found
    return replace(found, low=nan, high=nan, p_value=nan, detectable=nan)
