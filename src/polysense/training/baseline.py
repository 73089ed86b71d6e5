"""What any model must beat: the most frequent class as the answer to every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from polysense.metrics.classification import classification_metrics
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
