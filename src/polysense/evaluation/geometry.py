"""The shape of the space of sentence embeddings: alignment and uniformity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from polysense.data.corpora.sts_benchmark import StsBenchmark
from polysense.data.table import Table
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.evaluation.sentences import by_task, embed, pooled
from polysense.learner import Learner
from polysense.metrics.geometry import alignment, uniformity
from polysense.types import Sample

RELEASED = 128
"""Pairs a batch in the code released with MCSE."""


class Geometry(Evaluator):
    """``alignment`` of pairs that mean the same, and ``uniformity`` of all sentences; lower is better for both.

    Alignment is the mean squared distance of the normalised fused embeddings over the pairs whose score is at least
    ``threshold``, or that have none; it is NaN where there is no such pair. Uniformity is the log of the mean Gaussian potential
    of all pairs of sentences, both sides together, repeated sentences kept (Wang and Isola, ICML 2020). Rows with a column
    ``task`` are measured set by set: ``STS-B dev alignment``. Where no row has a pair there is uniformity alone.

    Args:
        threshold: the score from which two sentences mean the same. 4.0 is meant for the scale 0 to 5 of STS; SICK's begins
            at 1.
        batch_size: None measures all rows together. A number averages over batches of so many pairs in their order, where a
            batch without a pair of that score counts as 0, as the code released with MCSE does with 128; for comparison with
            its numbers.
        details: adds ``batched alignment`` and ``batched uniformity``, those over batches of 128.
    """

    before_training: ClassVar[bool] = True

    def __init__(self, threshold: float = 4.0, batch_size: int | None = None, details: bool = False) -> None:
        self.threshold = threshold
        self.batch_size = batch_size
        self.details = details

    def read(self, root: Path) -> Table | None:
        """STS-B dev, the set that papers measure on, where it is under ``root``."""
        corpus = StsBenchmark(splits=["validation"])
        return corpus.read(root) if corpus.there(root) else None

    def settings(self, learner: Learner) -> dict[str, Any]:
        """The pooling, and which pairs are alike."""
        return {**pooled(learner), "alignment": f"of pairs with a score of {self.threshold:g} at least, or none"}

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Embed each sentence once, measure set by set."""
        rows = [sample for sample in samples if sample.text is not None]
        paired = [sample for sample in rows if sample.pair is not None]
        rows = paired or rows
        if not rows:
            return {}
        vectors = embed(answerer, [*(row.text or "" for row in rows), *(row.pair or "" for row in paired)])
        left, right = vectors[: len(rows)], vectors[len(rows) :]
        alike = np.array([row.score is None or row.score >= self.threshold for row in rows])
        metrics: dict[str, float] = {}
        for task, places in by_task(rows).items():
            prefix = "" if task is None else f"{task} "
            metrics |= {
                f"{prefix}{name}": value
                for name, value in self._measured(left[places], right[places] if paired else None, alike[places]).items()
            }
        return metrics

    def _measured(self, left: np.ndarray, right: np.ndarray | None, alike: np.ndarray) -> dict[str, float]:
        metrics: dict[str, float] = {}
        for prefix, size in (("", self.batch_size), ("batched ", RELEASED)) if self.details else (("", self.batch_size),):
            if right is not None:
                metrics[f"{prefix}alignment"] = alignment(left, right, keep=alike, batch_size=size)
            metrics[f"{prefix}uniformity"] = uniformity(left, right, batch_size=size)
        return metrics
