"""What sentence embeddings know: linear probes on the transfer tasks of SentEval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from polysense.data.corpora.transfer_tasks import FOLDER, TASKS, TransferTasks
from polysense.data.folders import set_folder
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError, choices, display
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.evaluation.sentences import by_task, embed
from polysense.progress import bar, say
from polysense.types import Sample

STRENGTHS: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""The values of C, the inverse strength of the penalty, that a probe chooses among."""

Rows = np.ndarray
"""Row numbers (rows,) int."""


class Transfer(Evaluator):
    """``MR, CR, SUBJ, MPQA, SST2, TREC, MRPC``: accuracy times 100 of a linear probe on the frozen embeddings, and ``transfer avg``.

    The probe is scikit-learn's logistic regression; it is not the classifier of SentEval, so its numbers are compared with
    one another and not digit by digit with printed ones. Features are the fused embeddings as they are (not normalised), and
    for pairs |u - v| beside u * v; each feature is standardised by the mean and the deviation of the rows that the probe is
    fitted on, so that one range of C suits encoders of any scale. C is chosen by accuracy on the validation rows where there
    are some, else on stratified inner folds of the training rows; of equally good values the smallest is taken. The probe is
    then fitted on all training rows.

    Rows with training and test rows among them are scored on the test rows. Others are cross-validated (stratified, shuffled
    by ``seed``): the score is the share of all rows that the probe of the other folds gets right. The column ``task`` names
    the sets; labelled rows without one give ``probe``. ``transfer avg`` is there only when all seven are, ``transfer
    avg_present`` is the mean of those that are there.

    Args:
        tasks: measure these only.
        folds: of the cross-validation; fewer where the smallest class has fewer rows.
        inner_folds: likewise, of the choice of C.
        seed: shuffles both.
    """

    before_training: ClassVar[bool] = True

    def __init__(self, tasks: list[str] | None = None, folds: int = 10, inner_folds: int = 3, seed: int = 0) -> None:
        if folds < 2 or inner_folds < 2:
            raise RecipeError(f"Transfer: folds and inner_folds must be at least 2, found {folds} and {inner_folds}")
        self.tasks = tasks
        self.folds = folds
        self.inner_folds = inner_folds
        self.seed = seed

    def read(self, root: Path) -> Table | None:
        """Those of the seven tasks that are under ``root``; None for somebody's own table.

        Raises:
            RecipeError: ``tasks`` names none of them.
            DataError: none is there, or one is damaged.
        """
        if Path(root).is_file():
            return None
        for task in self.tasks or ():
            if task not in TASKS:
                raise RecipeError(f"Transfer, tasks: {task!r} is not one; {choices(task, TASKS)}")
        there = TransferTasks(self.tasks).there(root)
        if not there:
            wanted = ", ".join(self.tasks or TASKS)
            raise DataError(
                f"Transfer: {display(set_folder(root, FOLDER))} holds none of {wanted}; looked for {FOLDER}/MR, ..."
            )
        return TransferTasks(there).read(root)

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Embed each sentence once, fit and score a probe a task."""
        rows = [row for row in samples if isinstance(row.label, str) and row.text is not None and self._asked(row)]
        if not rows:
            return {}
        paired = [place for place, row in enumerate(rows) if row.pair is not None]
        texts = [*(row.text or "" for row in rows), *(rows[place].pair or "" for place in paired)]
        with bar("encoding", "sentences") as progress:
            vectors = embed(answerer, texts, progress=progress)
        second = dict(zip(paired, vectors[len(rows) :], strict=True))
        metrics: dict[str, float] = {}
        sets = by_task(rows)
        for done, (task, places) in enumerate(sets.items(), start=1):
            chosen = [rows[place] for place in places]
            features = _features(vectors[places], [second.get(place) for place in places])
            metrics[task or "probe"] = 100 * self._accuracy(task or "probe", features, chosen)
            if len(sets) > 1:
                say(f"{task or 'probe'}: {len(chosen):,} rows probed ({done} of {len(sets)} sets)")
        return metrics | _averages(metrics)

    def _asked(self, row: Sample) -> bool:
        return self.tasks is None or row.extra.get("task") in self.tasks

    def _accuracy(self, task: str, features: np.ndarray, rows: Sequence[Sample]) -> float:
        labels = np.array([row.label for row in rows])
        splits = np.array([row.split or "" for row in rows])
        train, validation, test = (np.flatnonzero(splits == name) for name in ("train", "validation", "test"))
        if len(train) and len(test):
            right = self._right(task, features, labels, train, validation, test)
            return float(right.mean())
        every = np.concatenate(
            [
                self._right(task, features, labels, fitted, fitted[:0], held)
                for fitted, held in self._parts(task, labels, np.arange(len(rows)), self.folds)
            ]
        )
        return float(every.mean())

    def _right(
        self, task: str, features: np.ndarray, labels: np.ndarray, train: Rows, validation: Rows, test: Rows
    ) -> np.ndarray:
        """Which of the test rows (rows,) a probe of the training rows gets right."""
        if len(set(labels[train].tolist())) < 2:
            raise DataError(f"Transfer, {task}: all training rows have one class; a probe needs two")
        inner = [(train, validation)] if len(validation) else list(self._parts(task, labels, train, self.inner_folds))
        scores = [
            math.fsum(
                float((_fitted(features, labels, fit, c).predict(features[held]) == labels[held]).mean()) for fit, held in inner
            )
            for c in STRENGTHS
        ]
        best = STRENGTHS[scores.index(max(scores))]
        right: np.ndarray = _fitted(features, labels, train, best).predict(features[test]) == labels[test]
        return right

    def _parts(self, task: str, labels: np.ndarray, rows: Rows, folds: int) -> Iterator[tuple[Rows, Rows]]:
        """Fitted and held-out rows of each fold."""
        from sklearn.model_selection import StratifiedKFold

        counts = Counter(labels[rows].tolist())
        rarest, fewest = min(counts.items(), key=lambda entry: entry[1])
        if len(counts) < 2 or fewest < 2:
            reason = "all rows have one class" if len(counts) < 2 else f"the class {rarest!r} has a single row to learn from"
            raise DataError(f"Transfer, {task}: {reason}; a probe needs two classes of two rows")
        made = StratifiedKFold(min(folds, fewest), shuffle=True, random_state=self.seed)
        for fitted, held in made.split(rows, labels[rows]):
            yield rows[fitted], rows[held]


def _features(vectors: np.ndarray, others: Sequence[np.ndarray | None]) -> np.ndarray:
    """The embeddings (rows, width); where all rows are pairs |u - v| beside u * v, (rows, 2 width)."""
    if any(other is None for other in others):
        return vectors
    second = np.stack([other for other in others if other is not None])
    return np.concatenate([np.abs(vectors - second), vectors * second], axis=1)


def _fitted(features: np.ndarray, labels: np.ndarray, rows: Rows, strength: float) -> Any:
    """A probe of ``rows`` with the penalty 1 / ``strength``."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # In float64: a feature that barely varies would otherwise be scaled up to noise.
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000, tol=1e-3))
    return probe.fit(features[rows].astype(np.float64), labels[rows])


def _averages(metrics: dict[str, float]) -> dict[str, float]:
    present = [metrics[name] for name in TASKS if name in metrics]
    if not present:
        return {}
    average = math.fsum(present) / len(present)
    return {"transfer avg_present": average} | ({"transfer avg": average} if len(present) == len(TASKS) else {})
