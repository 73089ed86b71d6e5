"""Rows with scores worth reading: those whose modalities disagree most, and those that the run is furthest off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from polysense.inference.score_sides import EDGES, opposed
from polysense.metrics.sentiment import Dataset, clipped
from polysense.report.rows import MOST, Card, card, told_rows
from polysense.report.run import Run
from polysense.report.scores import is_number
from polysense.report.section import Section, render
from polysense.training.predictions import Predictions
from polysense.types import MODALITIES

TOGETHER = "together"


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row with all scores that the run gives it, means over the seeds."""

    row: Mapping[str, Any]
    """As the seed that predicts wrote it."""
    together: float
    own: Mapping[str, float]
    """Modality to what it says by itself."""
    error: float | None
    """Mean over the seeds of |prediction - truth|; None where the truth is not known."""

    @property
    def span(self) -> float:
        """From the lowest score of a modality to the highest; 0 for fewer than two."""
        return max(self.own.values()) - min(self.own.values()) if len(self.own) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Marked:
    """A card whose scores stand as marks on one axis."""

    card: Card
    truth: float | None
    error: float | None
    marks: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PairLine:
    """How far two modalities agree."""

    names: tuple[str, str]
    rows: int
    distance: float
    opposed: float
    """The share of rows in which one is positive and the other negative, as `predict` says that they disagree."""
    error_opposed: float | None
    """Mean error of the prediction from everything in these rows; None where there is none."""
    error_agreed: float | None
    """Likewise in the others."""


def conflicting_scores(run: Run, against: Sequence[Run]) -> Section | None:
    """How far modalities agree, pair by pair, and the rows in which they are furthest apart."""
    del against
    rows = scored_rows(run)
    apart = sorted((one for one in rows if one.span > 0), key=lambda one: (-one.span, str(one.row["id"])))
    if not apart:
        return None
    shown = [marked(run, one) for one in apart[:MOST]]
    return Section(
        "score-conflicts",
        "Modalities that disagree",
        render(
            "score_conflicts.html",
            pairs=pair_lines(rows, rules=run.rules),
            edge=EDGES[run.rules],
            cards=shown,
            reach=reach(shown),
            heads=bool(headed(run)),
            seeds=len(run.shown),
        ),
    )


def furthest_rows(run: Run, against: Sequence[Run]) -> Section | None:
    """The rows whose predicted score is furthest from the true one, mean over the seeds."""
    del against
    rows = [one for one in scored_rows(run) if one.error is not None]
    if not rows:
        return None
    shown = [marked(run, one) for one in sorted(rows, key=lambda one: (-(one.error or 0), str(one.row["id"])))[:MOST]]
    return Section("worst", "Most wrong", render("furthest.html", cards=shown, reach=reach(shown), seeds=len(run.shown)))


def scored_rows(run: Run) -> list[ScoredRow]:
    """The rows to which every seed gives a score, in the order of their file; none of a run that predicts labels."""
    whole = scores_of(run.shown)
    own = own_scores(run)
    rows = []
    for name, row in told_rows(run).items():
        if name not in whole or isinstance(row["target"], str | list | dict):
            continue
        missing = row.get("missing") or ()
        said = {part: means[name] for part, means in own.items() if name in means and part not in missing}
        rows.append(
            ScoredRow(
                row,
                together=float(np.mean(whole[name])),
                own={part: float(np.mean(values)) for part, values in said.items()},
                error=error(whole[name], row["target"], run=run) if is_number(row["target"]) else None,
            )
        )
    return rows


def own_scores(run: Run) -> dict[str, dict[str, list[float]]]:
    """Of each modality the scores of the rows, a value a seed: its own head's, or the whole model's when shown it alone.

    Heads of a seed whose weights were chosen before they learned anything answer nothing: the values are those of the others.
    """
    if by_head := headed(run):
        return {name: scores_of(parts, field=f"score_{name}") for name, parts in by_head.items()}
    alone = {name: run.predictions.get(f"{run.split}.{name}", {}) for name in MODALITIES}
    return {name: found for name, parts in alone.items() if (found := scores_of(parts))}


def headed(run: Run) -> dict[str, dict[int, Predictions]]:
    """By modality the seeds that score it by a head of its own; empty where none does."""
    found = {name: {seed: part for seed, part in run.shown.items() if _scores(part, name)} for name in MODALITIES}
    return {name: parts for name, parts in found.items() if parts}


def _scores(part: Predictions, name: str) -> bool:
    return any(is_number(row.get(f"score_{name}")) for row in part.rows)


def scores_of(parts: Mapping[int, Predictions], *, field: str = "score") -> dict[str, list[float]]:
    """Each row's scores, a value a seed, by id; rows that a seed gave none to are left out."""
    found: dict[str, list[float]] = {}
    for part in parts.values():
        for row in part.rows:
            if is_number(row.get(field)):
                found.setdefault(str(row["id"]), []).append(float(row[field]))
    return {name: values for name, values in found.items() if len(values) == len(parts)}


def error(scores: Sequence[float], truth: float, *, run: Run) -> float:
    """The mean distance of the scores to the truth, by the rules of the run."""
    found, wanted = np.array(scores, dtype=np.float32), np.array([truth], dtype=np.float32)
    if run.rules == "sims":
        found, wanted = clipped(found, wanted)
    return float(np.abs(found - wanted).mean())


def pair_lines(rows: Sequence[ScoredRow], *, rules: Dataset) -> list[PairLine]:
    """A line for every two modalities that some row has both of."""
    lines = []
    for one, two in combinations(MODALITIES, 2):
        both = [row for row in rows if one in row.own and two in row.own]
        if not both:
            continue
        sides = [opposed(row.own[one], row.own[two], dataset=rules) for row in both]
        against = [row for row, apart in zip(both, sides, strict=True) if apart]
        others = [row for row, apart in zip(both, sides, strict=True) if not apart]
        lines.append(
            PairLine(
                (one, two),
                rows=len(both),
                distance=float(np.mean([abs(row.own[one] - row.own[two]) for row in both])),
                opposed=len(against) / len(both),
                error_opposed=mean_error(against),
                error_agreed=mean_error(others),
            )
        )
    return lines


def mean_error(rows: Sequence[ScoredRow]) -> float | None:
    """Over the rows whose truth is known."""
    errors = [row.error for row in rows if row.error is not None]
    return float(np.mean(errors)) if errors else None


def marked(run: Run, one: ScoredRow) -> Marked:
    """The row as it is shown."""
    target = one.row["target"]
    return Marked(
        card(run, one.row, answers=(), figures=()),
        truth=float(target) if is_number(target) else None,
        error=one.error,
        marks={**one.own, TOGETHER: one.together},
    )


def reach(cards: Sequence[Marked]) -> float:
    """How far the axis goes to each side of 0, in tenths."""
    furthest = max(abs(value) for one in cards for value in (*one.marks.values(), one.truth or 0.0))
    return math.ceil(10 * furthest) / 10 or 1.0
