"""What any model must beat: one answer to every row, the most frequent class or the median score."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from polysense.metrics.classification import classification_metrics
from polysense.metrics.sentiment import Dataset, msa_regression
from polysense.types import Sample


def most_frequent(samples: Sequence[Sample], labels: Sequence[str]) -> dict[str, Any]:
    """``{"label", "metrics"}``: the commonest class of the rows, and what answering it always scores on them.

    Unlabelled rows do not count. Empty where the rows have no labels, several labels each, or others than ``labels``.
    """
    targets = [sample.label for sample in samples if sample.label is not None]
    single = [target for target in targets if isinstance(target, str)]
    if not targets or len(single) < len(targets) or not set(single) <= set(labels):
        return {}
    label = Counter(single).most_common(1)[0][0]
    scores = classification_metrics(single, [label] * len(single), labels=labels)
    return {"label": label, "metrics": {name: value for name, value in scores.items() if "/" not in name}}


def median_score(training: Sequence[Sample], samples: Sequence[Sample], *, dataset: Dataset) -> dict[str, Any]:
    """``{"score", "metrics"}``: the median score of the training rows, and what answering it always scores on the samples.

    Of all constants the median has the lowest MAE on the rows that it is of, and it lies on the side of most of them. Metrics that
    a constant cannot have, such as ``Corr``, are left out. Rows without a score do not count. Empty where no row has one.
    """
    known, truth = ([sample.score for sample in rows if sample.score is not None] for rows in (training, samples))
    if not known or not truth:
        return {}
    score = float(np.median(known))
    found = msa_regression([score] * len(truth), truth, dataset=dataset)
    return {"score": score, "metrics": {name: value for name, value in found.items() if not math.isnan(value)}}
