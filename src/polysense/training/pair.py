"""Two runs on the same seeds and rows: read, aligned, and how much one scores above the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polysense.data.json_file import read_object
from polysense.errors import DataError, RecipeError, display
from polysense.metrics.bootstrap import Counts, PairedDifference, paired_bootstrap
from polysense.metrics.names import metric_choices
from polysense.metrics.sentiment import OF_EACH
from polysense.training.compared import Comparison, cautions, disagreement
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
        seeds, notes = _common_seeds(base, other, split=split)
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

    def differences(
        self, metrics: Sequence[str] = (), *, places: NDArray[np.intp] | None = None, resamples: int, seed: int
    ) -> dict[str, Comparison]:
        """The comparison by every metric that is defined over the rows, or over some of them.

        Raises:
            RecipeError: one of ``metrics`` is not there.
        """
        places = np.arange(len(self.rows)) if places is None else places
        found = self._bootstrap(places, resamples=resamples, seed=seed)
        for name in metrics:
            if name not in found:
                raise RecipeError(f"no metric {name!r}: {metric_choices(name, [*found, *self.own_metrics])}")
        return {name: self._described(name, one, rows=len(places), resamples=resamples) for name, one in found.items()}

    def _bootstrap(self, places: NDArray[np.intp], *, resamples: int, seed: int) -> dict[str, PairedDifference]:
        """Every metric that is defined over some of the rows; 0 in a resample where it is not."""
        base, other = self.base[:, places], self.other[:, places]
        whole = [self.statistic(arm.sum(axis=1).astype(np.float64)) for arm in (base, other)]
        defined = [name for name in whole[0] if not any(np.isnan(found[name]).any() for found in whole)]

        def statistic(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
            found = self.statistic(sums)
            return {name: np.nan_to_num(found[name]) for name in defined}

        return paired_bootstrap(base, other, statistic, resamples=resamples, seed=seed)

    def _described(self, metric: str, found: PairedDifference, *, rows: int, resamples: int) -> Comparison:
        """One metric's result with what it was computed from."""
        return Comparison.of(
            metric,
            found,
            split=self.split,
            seeds=self.seeds,
            rows=rows,
            resamples=resamples,
            notes=[*self.notes, *disagreement(found.per_seed)],
        )


def _reader(targets: Sequence[object]) -> Callable[[Rows, Arms, tuple[Path, Path]], Outcomes]:
    """Who reads what rows with such targets add to the counts."""
    if all(isinstance(target, Mapping) for target in targets):
        return span_outcomes
    if all(isinstance(target, int | float) for target in targets):
        return score_outcomes
    return label_outcomes


def _common_seeds(base: Path, other: Path, *, split: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The seeds that both runs have, and a note if one has more."""
    before, after = predicted_seeds(base, split=split), predicted_seeds(other, split=split)
    shared = tuple(seed for seed in before if seed in after)
    if not shared:
        raise DataError(f"no seed in common: {display(base)} has {listed(before)}, {display(other)} has {listed(after)}")
    if before == after:
        return shared, ()
    return shared, (f"compared on the common seeds {listed(shared)} ({listed(before)} against {listed(after)})",)
