"""What each row of two runs' predictions adds to the counts of the metrics: of labels, of marked spans, or of scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polysense.data.json_file import read_object
from polysense.errors import DataError, display
from polysense.evaluation.tagging import tagging_outcomes, tagging_scores
from polysense.metrics import classification
from polysense.metrics.bootstrap import Counts
from polysense.metrics.sentiment import OF_EACH, Dataset, msa_outcomes, msa_scores
from polysense.training.folder import SUMMARY
from polysense.training.predictions import (
    Predictions,
    aligned_labels,
    aligned_scores,
    aligned_spans,
    is_score,
    listed,
    names_of,
    spans_of,
)
from polysense.training.score_rules import score_rules

Rows = Sequence[Mapping[str, Any]]
Arms = Sequence[Sequence[Predictions]]
"""The predictions of each seed, of the base run and of the other."""


ALIKE = "to every row"
"""How a note ends that a run gives one answer to all rows."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Of two runs on the same seeds and rows."""

    base: Counts
    """(seeds, rows, counts)"""
    other: Counts
    statistic: Callable[[NDArray[np.float64]], dict[str, NDArray[np.float64]]]
    """Summed counts (..., counts) to metrics (...); NaN where one is undefined."""
    notes: tuple[str, ...] = ()


def label_outcomes(rows: Rows, arms: Arms, runs: tuple[Path, Path]) -> Outcomes:
    """Of predicted classes.

    Args:
        rows: with a target each.
        arms: what the runs answered.
        runs: the folders of base and other, for the order of the classes.

    Raises:
        DataError: a target is no label, a row has no predicted one, or the runs differ in their classes.
    """
    ids, path = [str(row["id"]) for row in rows], arms[0][0].path
    if numbers := [row for row in rows if not isinstance(row["target"], str | list)]:
        value = f"row with id {numbers[0]['id']} has the target {numbers[0]['target']!r}"
        raise DataError(
            f"{display(path)}: compared are labels, marked spans or scores, one of them in all rows, but the {value}"
        )
    targets = [names_of(row["target"]) for row in rows]
    several = any(isinstance(row["target"], list) for row in rows)
    answers = [[aligned_labels(predictions, ids=ids) for predictions in arm] for arm in arms]
    seen = {name for some in (targets, *(some for arm in answers for some in arm)) for names in some for name in names}
    labels = common_labels(*runs, seen=seen)
    base, other = (
        np.stack([classification.label_outcomes(targets, answer, labels=labels) for answer in arm]) for arm in answers
    )
    scores = classification.multilabel_scores if several else classification.single_label_scores
    return Outcomes(base, other, partial(scores, labels=labels), constant_answers(answers))


def span_outcomes(rows: Rows, arms: Arms, runs: tuple[Path, Path]) -> Outcomes:
    """Of marked spans; the roles are those that occur. Arguments as of :func:`label_outcomes`.

    Raises:
        DataError: a row has no answer.
    """
    del runs
    ids = [str(row["id"]) for row in rows]
    targets = [spans_of(row["target"]) for row in rows]
    answers = [[aligned_spans(predictions, ids=ids) for predictions in arm] for arm in arms]
    sides = [targets, *(side for arm in answers for side in arm)]
    roles = sorted({span.role for side in sides for spans in side for span in spans})
    texts = [str(row.get("text") or "") for row in rows]
    base, other = (np.stack([tagging_outcomes(texts, targets, answer, roles=roles) for answer in arm]) for arm in answers)
    return Outcomes(base, other, partial(tagging_scores, roles=roles))


def score_outcomes(rows: Rows, arms: Arms, runs: tuple[Path, Path], *, field: str = "score") -> Outcomes:
    """Of predicted scores, by the rules of the data set that the runs were measured by. Arguments as of :func:`label_outcomes`.

    ``field`` may be ``score_text``, ...: what is predicted of a modality by itself.

    ``Corr`` is left out where a run predicts one score for every row, ``Non0`` where every true score is 0.

    Raises:
        DataError: a row has no predicted score, or the runs were measured by different rules.
    """
    ids, targets = [str(row["id"]) for row in rows], [row["target"] for row in rows]
    dataset = common_dataset(*runs)
    answers = [[aligned_scores(predictions, ids=ids, field=field) for predictions in arm] for arm in arms]
    base, other = (np.stack([msa_outcomes(answer, targets, dataset=dataset) for answer in arm]) for arm in answers)
    names = ("the base run", "the other run")
    constant = [name for name, arm in zip(names, answers, strict=True) if any(len(set(answer)) == 1 for answer in arm)]
    without = frozenset({"Corr"} if constant else ()) | ({"Non0_acc_2", "Non0_F1_score"} if not any(targets) else frozenset())
    notes = tuple(f"{name} predicts one score for every row with some seed, so there is no Corr" for name in constant)
    return Outcomes(base, other, partial(comparable_scores, dataset=dataset, without=without), notes)


def own_rows(rows: Rows, arms: Arms, modality: str) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
    """The rows of which every seed of both runs scores a modality by itself, and what is left out.

    Their targets are what people scored of the modality, where any row has that (``target_text``, ...), else the score of the
    whole row: as `SentimentRegression` measures it.

    Raises:
        DataError: a seed has no such score, or the runs differ in what people scored.
    """
    field, own = f"score_{modality}", f"target_{modality}"
    human = any(row.get(own) is not None for row in rows)
    wanted = {str(row["id"]): row.get(own) if human else row["target"] for row in rows}
    wanted = {name: target for name, target in wanted.items() if target is not None}
    shared = set(wanted)
    for predictions in (one for arm in arms for one in arm):
        found = {str(row["id"]): row for row in predictions.rows if str(row["id"]) in wanted}
        answered = {name for name, row in found.items() if is_score(row.get(field))}
        if not answered:
            raise DataError(f"{display(predictions.path)}: no row has a score of {modality} by itself ({field!r})")
        if odd := [name for name, row in found.items() if human and row.get(own) != wanted[name]]:
            raise DataError(f"{display(predictions.path)}: {own!r} of {listed(odd)} is another than in the other predictions")
        shared &= answered
    if not shared:
        raise DataError(f"no row has a score of {modality} by itself with all seeds of both runs")
    kept = tuple({**row, "target": wanted[str(row["id"])]} for row in rows if str(row["id"]) in shared)
    lost = len(wanted) - len(kept)
    return kept, ((f"{lost} rows are left out that have no score of {modality} by itself",) if lost else ())


def own_scores(
    sums: NDArray[np.float64], *, statistic: Callable[[NDArray[np.float64]], dict[str, NDArray[np.float64]]], modality: str
) -> dict[str, NDArray[np.float64]]:
    """Those metrics of summed outcomes that are given of a modality by itself, by their names there: ``MAE/text``."""
    found = statistic(sums)
    return {f"{name}/{modality}": found[name] for name in OF_EACH if name in found}


def comparable_scores(
    sums: NDArray[np.float64], *, dataset: Dataset, without: frozenset[str]
) -> dict[str, NDArray[np.float64]]:
    """The metrics of summed outcomes that can be compared; NaN where no row is there that one is about."""
    return {name: values for name, values in msa_scores(sums, dataset=dataset).items() if name not in without}


def common_dataset(base: Path, other: Path) -> Dataset:
    """By whose rules both runs were measured: those of their evaluators, or of MOSI."""
    before, after = (score_rules(read_object(run / SUMMARY).get("recipe") or {}) for run in (base, other))
    if before != after:
        raise DataError(f"{display(base)} was measured by the rules of {before}, {display(other)} by those of {after}")
    return before


def constant_answers(answers: Sequence[Sequence[Sequence[Sequence[str]]]]) -> tuple[str, ...]:
    """A note for each run, (base, other), that gives one and the same answer to every row: it has learned nothing to compare."""
    names = ("the base run", "the other run")
    return tuple(
        f"{name} answers {', '.join(sorted(arm[0][0])) or 'nothing'!r} {ALIKE}"
        for name, arm in zip(names, answers, strict=True)
        if len({frozenset(answer) for rows in arm for answer in rows}) == 1
    )


def common_labels(base: Path, other: Path, *, seen: set[str]) -> list[str]:
    """The classes that macro means run over: those of the runs' records, and any other that a prediction names."""
    before, after = (read_object(Path(run) / SUMMARY).get("labels") or [] for run in (base, other))
    if before and after and set(before) != set(after):
        raise DataError(f"the labels differ: {display(base)} has {listed(before)}, {display(other)} has {listed(after)}")
    known = before or after
    return [*known, *sorted(seen - set(known))]
