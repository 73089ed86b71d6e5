"""Is one run better than another? The difference over their seeds and test rows, with its interval.

Both runs must have predicted the same rows. The differences are ``other - base``: positive means that ``other`` scores higher,
which is better, or of ``MAE`` worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polysense.data.json_file import read_object
from polysense.errors import DataError, RecipeError, choices, display
from polysense.metrics.bootstrap import Counts, PairedDifference, paired_bootstrap
from polysense.metrics.names import lower_is_better, metric_choices
from polysense.metrics.sentiment import OF_EACH
from polysense.training.folder import SUMMARY
from polysense.training.outcomes import (
    Arms,
    Outcomes,
    Rows,
    label_outcomes,
    own_rows,
    own_scores,
    score_outcomes,
    span_outcomes,
)
from polysense.training.predictions import is_score, listed, predicted_seeds, read_predictions, refuse_other_rows
from polysense.types import MODALITIES

DEFAULT_METRICS: tuple[str, ...] = ("weighted_f1", "macro_f1", "accuracy")
"""What is compared when nothing else is asked for; rows of several labels have ``subset_accuracy`` in place of ``accuracy``."""

SPAN_METRICS: tuple[str, ...] = ("exact_f1", "binary_f1", "proportional_f1")
"""Likewise where spans were marked."""

SCORE_METRICS: tuple[str, ...] = (
    "MAE",
    "Corr",
    "Has0_acc_2",
    "Has0_F1_score",
    "Non0_acc_2",
    "Non0_F1_score",
    "Mult_acc_2",
    "F1_score",
    "Mult_acc_3",
    "Mult_acc_5",
    "Mult_acc_7",
)
"""Likewise where scores were predicted: those of the data set's rules."""

OF_ROWS = ("target", "missing", "aspect", "group")
"""What predictions say of a row, beside the columns of its table, that both runs have and several rows share."""

FEW_SEEDS = 5
"""Below this the spread between seeds is hardly known, and the note says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``other - base`` of one metric, as a fraction (0.01 is one point); of MAE in units of the scores."""

    metric: str
    split: str
    base: float
    """The base run's mean over the seeds."""
    other: float
    difference: float
    low: float
    """Lower end of the 95 % interval."""
    high: float
    p_value: float
    """Two-sided, never 0."""
    detectable: float
    """Half the width of the interval: about the smallest difference that could have been shown."""
    seeds: tuple[int, ...]
    """Those of both; none where two single models are compared."""
    rows: int
    """Rows with a known target, or as many pairs of sentences or pictures."""
    resamples: int
    per_seed: tuple[float, ...]
    """The difference of each seed, in the order of ``seeds``."""
    units: str = "rows"
    """What the rows are."""
    note: str = ""
    """What a reader must know beside the numbers; empty if nothing."""
    groups: Mapping[str, Comparison] = field(default_factory=dict)
    """The same for the rows of each value of the column that was asked for."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def in_words(self, *, base: str = "the base", other: str = "the run") -> str:
        """What the interval says, for a reader who knows no statistics; ``base`` and ``other`` name the runs."""
        metric = self.metric.replace("_", " ").replace("f1", "F1")
        seeds = f" and {len(self.seeds)} seed{'s' if len(self.seeds) != 1 else ''}" if self.seeds else ""
        evidence = f"{self.rows} {self.units}{seeds}"
        if not self.low <= 0 <= self.high:
            side = "higher" if self.low > 0 else "lower"
            low, high = sorted((abs(self.low), abs(self.high)))
            amount = f"{self._amount(abs(self.difference))} {side} in {metric}"
            if lower_is_better(self.metric):
                amount += f", which is {'worse' if self.low > 0 else 'better'}"
            return (
                f"Against {base}, {other} scores {amount} "
                f"(95 % interval {self._number(low)} to {self._number(high)}; {evidence})."
            )
        if self.low == self.high:
            return f"Against {base}, {other} makes no difference in {metric}: they score the same ({evidence})."
        return (
            f"Against {base}, no effect of {other} is visible in {metric} ({self._amount(self.difference, sign='+')}): an effect "
            f"below about {self._amount(self.detectable)} could not have been shown with {evidence}."
        )

    def _amount(self, value: float, *, sign: str = "") -> str:
        return self._number(value, sign=sign) + ("" if self._is_in_units else " points")

    def _number(self, value: float, *, sign: str = "") -> str:
        return f"{value:{sign}.3f}" if self._is_in_units else f"{100 * value:{sign}.1f}"

    @property
    def _is_in_units(self) -> bool:
        """Whether it is no fraction of rows, so that a difference is not told in points."""
        return self.metric.partition("/")[0] in OF_EACH


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
    (``target``, ``missing``, one of the table's own); the result then has ``groups``.
    Raises DataError when the runs share no seed or differ in their rows or targets, RecipeError for a metric that is not there.
    """
    pair = Pair.read(Path(base), Path(other), split=split)
    wanted = metric if metric is not None else pair.chosen_by(Path(other))
    if wanted in pair.own_metrics:
        pair = Pair.read(Path(base), Path(other), split=split, alone=wanted.partition("/")[2])
    return pair.compare([wanted], resamples=resamples, seed=seed, by=by)[wanted]


def compare_each(
    base: str | Path,
    other: str | Path,
    *,
    split: str = "test",
    metrics: Sequence[str] | None = None,
    resamples: int = 5000,
    seed: int = 0,
    by: str | None = None,
) -> dict[str, Comparison]:
    """Compare two runs by several metrics (default: ``DEFAULT_METRICS``) on the same draws; raises as :func:`compare`."""
    pair = Pair.read(Path(base), Path(other), split=split)
    return pair.compare(pair.default_metrics if metrics is None else metrics, resamples=resamples, seed=seed, by=by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two runs on the same seeds and rows, as what each row adds to the counts of the metrics."""

    split: str
    seeds: tuple[int, ...]
    base: Counts
    """(seeds, rows, counts)"""
    other: Counts
    rows: tuple[Mapping[str, Any], ...]
    """The labelled rows, for grouping."""
    statistic: Callable[[NDArray[np.float64]], dict[str, NDArray[np.float64]]]
    notes: tuple[str, ...]

    @classmethod
    def read(cls, base: Path, other: Path, *, split: str, alone: str | None = None) -> Pair:
        """Read and align the predictions of two runs; with ``alone`` what they predict of that modality by itself."""
        seeds, notes = common_seeds(base, other, split=split)
        arms = [[read_predictions(run, seed, split) for seed in seeds] for run in (base, other)]
        reference = arms[0][0]
        for predictions in (*arms[0][1:], *arms[1]):
            refuse_other_rows(reference, predictions)
        labelled = tuple(row for row in reference.rows if row["target"] is not None)
        if not labelled:
            raise DataError(
                f"{display(reference.path)}: no row has a target, so nothing can be scored; runs that embed, search or write are asked "
                f"anew: `polysense compare {display(base)} {display(other)} --evaluator retrieval --data TABLE` (or sts, captioning, "
                "summarizing)"
            )
        if unlabelled := len(reference.rows) - len(labelled):
            notes = (*notes, f"{unlabelled} rows without a target are left out")
        if alone is None:
            found = _reader([row["target"] for row in labelled])(labelled, arms, (base, other))
        else:
            labelled, left_out = own_rows(labelled, arms, alone)
            found = score_outcomes(labelled, arms, (base, other), field=f"score_{alone}")
            found = replace(found, statistic=partial(own_scores, statistic=found.statistic, modality=alone))
            notes = (*notes, *left_out)
        return cls(
            split=split,
            seeds=seeds,
            base=found.base,
            other=found.other,
            rows=labelled,
            statistic=found.statistic,
            notes=(*notes, *cautions(seeds), *found.notes),
        )

    @property
    def metrics(self) -> list[str]:
        """The metrics there are."""
        return list(self.statistic(np.zeros(self.base.shape[-1])))

    @property
    def own_metrics(self) -> list[str]:
        """Those of single modalities, of which there is a score in some row."""
        there = [name for name in MODALITIES if any(is_score(row.get(f"score_{name}")) for row in self.rows)]
        return [f"{metric}/{name}" for name in there for metric in OF_EACH]

    @property
    def default_metrics(self) -> list[str]:
        """``DEFAULT_METRICS``, as far as they fit the targets."""
        there = self.metrics
        fitting = [next((one for one in (name, f"subset_{name}") if one in there), None) for name in DEFAULT_METRICS]
        return [name for name in fitting if name is not None] or [
            name for name in (*SPAN_METRICS, *SCORE_METRICS) if name in there
        ]

    def chosen_by(self, run: Path) -> str:
        """The metric that chose the run's checkpoint, if predictions can give it; else the first default."""
        best = read_object(Path(run) / SUMMARY).get("best_metric")
        return best if best in (*self.metrics, *self.own_metrics) else self.default_metrics[0]

    def compare(self, metrics: Sequence[str], *, resamples: int, seed: int, by: str | None) -> dict[str, Comparison]:
        """The comparison by each metric."""
        whole = np.arange(len(self.rows))
        found = self.differences(whole, resamples=resamples, seed=seed)
        for name in metrics:
            if name not in found:
                raise RecipeError(f"no metric {name!r}: {metric_choices(name, [*found, *self.own_metrics])}")
        groups = {} if by is None else grouped(self.rows, by=by)
        parts = {value: self.differences(places, resamples=resamples, seed=seed) for value, places in groups.items()}
        without = {name: [value for value, part in parts.items() if name not in part] for name in metrics}
        return {
            name: self.describe(
                name,
                found[name],
                rows=len(whole),
                resamples=resamples,
                groups={
                    value: self.describe(name, parts[value][name], rows=len(places), resamples=resamples)
                    for value, places in groups.items()
                    if value not in without[name]
                },
                notes=[f"no {name} of the rows with {by} {', '.join(without[name])}: it is undefined there"]
                * bool(without[name]),
            )
            for name in metrics
        }

    def differences(self, places: NDArray[np.intp], *, resamples: int, seed: int) -> dict[str, PairedDifference]:
        """Every metric that is defined over some of the rows; 0 in a resample where it is not."""
        base, other = self.base[:, places], self.other[:, places]
        whole = [self.statistic(arm.sum(axis=1).astype(np.float64)) for arm in (base, other)]
        defined = [name for name in whole[0] if not any(np.isnan(found[name]).any() for found in whole)]

        def statistic(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
            found = self.statistic(sums)
            return {name: np.nan_to_num(found[name]) for name in defined}

        return paired_bootstrap(base, other, statistic, resamples=resamples, seed=seed)

    def describe(
        self,
        metric: str,
        found: PairedDifference,
        *,
        rows: int,
        resamples: int,
        groups: Mapping[str, Comparison] | None = None,
        notes: Sequence[str] = (),
    ) -> Comparison:
        """One metric's result with what it was computed from."""
        return Comparison(
            metric=metric,
            split=self.split,
            base=found.base,
            other=found.other,
            difference=found.difference,
            low=found.low,
            high=found.high,
            p_value=found.p_value,
            detectable=(found.high - found.low) / 2,
            seeds=self.seeds,
            rows=rows,
            resamples=resamples,
            per_seed=found.per_seed,
            note="; ".join([*self.notes, *notes]),
            groups=groups or {},
        )


def _reader(targets: Sequence[object]) -> Callable[[Rows, Arms, tuple[Path, Path]], Outcomes]:
    """Who reads what rows with such targets add to the counts."""
    if all(isinstance(target, Mapping) for target in targets):
        return span_outcomes
    if all(isinstance(target, int | float) for target in targets):
        return score_outcomes
    return label_outcomes


def common_seeds(base: Path, other: Path, *, split: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The seeds that both runs have, and a note if one has more."""
    before, after = predicted_seeds(base, split=split), predicted_seeds(other, split=split)
    shared = tuple(seed for seed in before if seed in after)
    if not shared:
        raise DataError(f"no seed in common: {display(base)} has {listed(before)}, {display(other)} has {listed(after)}")
    if before == after:
        return shared, ()
    return shared, (f"compared on the common seeds {listed(shared)} ({listed(before)} against {listed(after)})",)


def cautions(seeds: Sequence[int]) -> tuple[str, ...]:
    """What too few seeds leave unknown."""
    if len(seeds) == 1:
        return ("one seed: only the test rows were resampled, another seed may give another difference",)
    if len(seeds) < FEW_SEEDS:
        return (f"{len(seeds)} seeds: the spread between seeds is hardly known, the interval may be too narrow",)
    return ()


def grouped(rows: Sequence[Mapping[str, Any]], *, by: str) -> dict[str, NDArray[np.intp]]:
    """The places of the rows of each value of a column, by value; RecipeError if there is no such column to split by."""
    columns = {name: None for name in OF_ROWS if any(name in row for row in rows)}
    columns |= {name: None for row in rows for name in row.get("extra") or {}}
    if by not in columns:
        often = [name for name in columns if len(set(_values(rows, name))) < len(rows)]  # else each row is a group
        raise RecipeError(f"the predictions have no column {by!r} to split by: {choices(by, columns, listed=often)}")
    values = _values(rows, by)
    return {value: np.flatnonzero([other == value for other in values]) for value in sorted(set(values))}


def _values(rows: Sequence[Mapping[str, Any]], column: str) -> list[str]:
    """What each row has in a column."""
    return [group_name(row.get(column) if column in OF_ROWS else (row.get("extra") or {}).get(column)) for row in rows]


def group_name(value: object) -> str:
    """A group's name: lists are joined, nothing is ``(none)``."""
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "(none)"
    return "(none)" if value is None or value == "" else str(value)
