"""What a run answered to the rows of a split, as it wrote it down; and whether two runs answered the same rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from polysense.data.json_file import read_lines
from polysense.errors import DataError, choices, display
from polysense.evaluation.one_answer import FIELDS, only_answers
from polysense.types import Span


@dataclass(frozen=True, slots=True)
class Predictions:
    """One file of predictions, a row each."""

    path: Path
    rows: tuple[Mapping[str, Any], ...]

    @property
    def ids(self) -> list[str]:
        """(rows,)"""
        return [str(row["id"]) for row in self.rows]


def read_predictions(run: Path, seed: int, split: str = "test") -> Predictions:
    """The predictions of one seed; ``split`` may name one modality (``test.text``).

    Raises DataError for a file that is missing, empty or broken (naming file and row), and for an id that occurs twice.
    """
    path = Path(run) / f"seed-{seed}" / "predictions" / f"{split}.jsonl"
    if not path.is_file():
        raise DataError(f"{display(path)}: no predictions for split {split!r}: {choices(split, predicted_splits(run, seed))}")
    rows = read_lines(path)
    if not rows:
        raise DataError(f"{display(path)}: no rows")
    first: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        if missing := [name for name in ("id", "target") if name not in row]:
            raise DataError(f"{display(path)}, row {number}: no {' and no '.join(missing)}")
        if first.setdefault(str(row["id"]), number) != number:
            raise DataError(f"{display(path)}, row {number}: id {row['id']!r} was already row {first[str(row['id'])]}")
    return Predictions(path, tuple(rows))


def predicted_splits(run: Path, seed: int) -> list[str]:
    """The splits that a seed has predictions for."""
    return sorted(path.name.removesuffix(".jsonl") for path in (Path(run) / f"seed-{seed}" / "predictions").glob("*.jsonl"))


def answered_alike(run: Path, seeds: Iterable[int], split: str) -> list[dict[str, Any]]:
    """``{"seed", "answer", "rows"}`` of every seed that answered all rows with a target alike, as it wrote its answers down."""
    alike = []
    for seed in seeds:
        if split in predicted_splits(run, seed):
            alike += [{"seed": seed, **one} for one in one_answer(read_predictions(run, seed, split))]
    return alike


def one_answer(predictions: Predictions) -> list[dict[str, Any]]:
    """``{"answer", "rows"}`` where all rows with a target were answered alike."""
    rows = [row for row in predictions.rows if row["target"] is not None]
    return only_answers({field: [row.get(field) for row in rows] for field in FIELDS})


def predicted_seeds(run: Path, *, split: str = "test") -> list[int]:
    """The seeds of a run that have predictions for the split, ascending. Raises DataError if there is none."""
    run = Path(run)
    if not run.is_dir():
        raise DataError(f"{display(run)}: no such run folder")
    names = [path.parent.parent.name.removeprefix("seed-") for path in run.glob(f"seed-*/predictions/{split}.jsonl")]
    if not (seeds := sorted(int(name) for name in names if name.isdecimal())):
        raise DataError(f"{display(run)}: no seed has predictions for split {split!r} (seed-0/predictions/{split}.jsonl, ...)")
    return seeds


def refuse_other_rows(one: Predictions, two: Predictions) -> None:
    """DataError unless both files hold the same rows with the same targets (in any order)."""
    left, right = ({str(row["id"]): row["target"] for row in predictions.rows} for predictions in (one, two))
    places = f"{display(one.path)} and {display(two.path)}"
    if left.keys() != right.keys():
        parts = [
            f"{len(ids)} only in {display(where.path)} ({listed(sorted(ids))})"
            for where, ids in ((one, left.keys() - right.keys()), (two, right.keys() - left.keys()))
            if ids
        ]
        raise DataError(f"{places} hold different rows: {'; '.join(parts)}")
    different = [name for name in left if _comparable(left[name]) != _comparable(right[name])]
    if different:
        name = different[0]
        raise DataError(
            f"{places} differ in the target of {len(different)} rows ({listed(different)}): id {name} is "
            f"{left[name]!r} in the first, {right[name]!r} in the second"
        )


def _comparable(target: object) -> object:
    """A target in a form that is equal whatever the order of its labels."""
    if isinstance(target, Mapping):
        return frozenset(spans_of(target))
    return frozenset(target) if isinstance(target, list) else target


def aligned_labels(predictions: Predictions, *, ids: Sequence[str]) -> list[list[str]]:
    """The predicted labels of the rows ``ids``, in that order. DataError names a row that has none."""
    answers: dict[str, Any] = {str(row["id"]): row.get("label") for row in predictions.rows}
    if empty := [name for name in ids if answers[name] is None]:
        raise DataError(
            f"{display(predictions.path)}: {len(empty)} rows have a target but no predicted label ({listed(empty)})"
        )
    return [names_of(answers[name]) for name in ids]


def aligned_spans(predictions: Predictions, *, ids: Sequence[str]) -> list[list[Span]]:
    """The spans that were marked in the rows ``ids``, in that order. DataError names a row that has none, not even an empty list."""
    answers = {str(row["id"]): row for row in predictions.rows}
    if empty := [name for name in ids if answers[name].get("spans") is None]:
        raise DataError(f"{display(predictions.path)}: {len(empty)} rows have no marked spans ({listed(empty)})")
    return [spans_of(answers[name]) for name in ids]


def aligned_scores(predictions: Predictions, *, ids: Sequence[str], field: str = "score") -> list[float]:
    """The predicted scores of the rows ``ids``, in that order. DataError names a row that has none, or no finite one.

    ``field`` may be ``score_text``, ...: what is predicted of a modality by itself.
    """
    answers: dict[str, Any] = {str(row["id"]): row.get(field) for row in predictions.rows}
    if empty := [name for name in ids if not is_score(answers[name])]:
        raise DataError(
            f"{display(predictions.path)}: {len(empty)} rows have a target but no predicted score ({listed(empty)})"
        )
    return [float(answers[name]) for name in ids]


def is_score(value: object) -> TypeGuard[float]:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)


def spans_of(row: Mapping[str, Any]) -> list[Span]:
    """The spans under ``spans``."""
    return [Span(one["start"], one["end"], one["role"]) for one in row["spans"]]


def names_of(label: str | Sequence[str]) -> list[str]:
    """A row's labels as a list."""
    return [label] if isinstance(label, str) else [str(name) for name in label]


def listed(values: Sequence[object], *, most: int = 5) -> str:
    """``1, 2, 3, ...``"""
    return ", ".join(str(value) for value in values[:most]) + (", ..." if len(values) > most else "")
