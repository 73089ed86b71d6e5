"""How well predicted classes agree with the true ones: accuracy, precision, recall and F1.

Every number is a function of counts, so the same code scores one set of predictions and thousands of resampled ones at once.
A ratio whose denominator is zero is 0 (a class that was never predicted has precision 0).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from polysense.errors import choices

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def classification_metrics(targets: Sequence[str], predictions: Sequence[str], *, labels: Sequence[str]) -> dict[str, float]:
    """Flat metrics of one label a row.

    Gives ``accuracy``, ``weighted_f1``, ``macro_f1``, ``macro_precision``, ``macro_recall`` and for each class
    ``f1/<label>``, ``precision/<label>``, ``recall/<label>``, ``support/<label>``. Macro means run over all of ``labels``, also
    those that no row has. Raises ValueError for a label that is not among ``labels`` and for lists of different lengths. No
    rows: every ratio is 0.
    """
    outcomes = label_outcomes([[name] for name in targets], [[name] for name in predictions], labels=labels)
    return as_floats(single_label_scores(outcomes.sum(axis=0), labels=labels))


def multilabel_metrics(
    targets: Sequence[Collection[str]], predictions: Sequence[Collection[str]], *, labels: Sequence[str]
) -> dict[str, float]:
    """Flat metrics of several labels a row.

    Gives ``subset_accuracy`` (all labels of the row right, none too many), ``micro_f1``, and the weighted, macro and per-class
    numbers of :func:`classification_metrics`. Raises ValueError as it does.
    """
    return as_floats(multilabel_scores(label_outcomes(targets, predictions, labels=labels).sum(axis=0), labels=labels))


def confusion(targets: Sequence[str], predictions: Sequence[str], *, labels: Sequence[str]) -> Counts:
    """Counts (K, K): row = the true class, column = the predicted one, in the order of ``labels``."""
    if len(targets) != len(predictions):
        raise ValueError(f"{len(targets)} targets but {len(predictions)} predictions")
    width = len(labels)
    cells = label_numbers(targets, labels=labels) * width + label_numbers(predictions, labels=labels)
    return np.bincount(cells, minlength=width * width).reshape(width, width).astype(np.int64)


def label_outcomes(
    targets: Sequence[Collection[str]], predictions: Sequence[Collection[str]], *, labels: Sequence[str]
) -> Counts:
    """What each row adds to the counts (N, 3K + 2): hits, predicted, true for each class; whether the row is right; 1."""
    if len(targets) != len(predictions):
        raise ValueError(f"{len(targets)} targets but {len(predictions)} predictions")
    truth, answer = indicators(targets, labels=labels), indicators(predictions, labels=labels)
    exact = (truth == answer).all(axis=1, keepdims=True)
    return np.concatenate([truth & answer, answer, truth, exact, np.ones_like(exact)], axis=1).astype(np.int64)


def single_label_scores(counts: NDArray[np.number], *, labels: Sequence[str]) -> dict[str, Floats]:
    """The metrics of summed outcomes (..., 3K + 2) where each row has one label: each name with its values (...)."""
    return {"accuracy": ratio(counts[..., -2], counts[..., -1])} | class_scores(counts, labels=labels)


def multilabel_scores(counts: NDArray[np.number], *, labels: Sequence[str]) -> dict[str, Floats]:
    """The metrics of summed outcomes (..., 3K + 2) where a row may have several labels: each name with its values (...)."""
    width = len(labels)
    micro = ratio(2 * counts[..., :width].sum(-1), counts[..., width : 3 * width].sum(-1))
    whole = ratio(counts[..., -2], counts[..., -1])
    return {"subset_accuracy": whole, "micro_f1": micro} | class_scores(counts, labels=labels)


def class_scores(counts: NDArray[np.number], *, labels: Sequence[str]) -> dict[str, Floats]:
    """Weighted, macro and per-class scores of summed outcomes (..., 3K + 2)."""
    width = len(labels)
    hits, predicted, support = (counts[..., place * width : (place + 1) * width].astype(np.float64) for place in range(3))
    f1 = ratio(2 * hits, predicted + support)
    precision, recall = ratio(hits, predicted), ratio(hits, support)
    scores = {
        "weighted_f1": ratio((f1 * support).sum(-1), support.sum(-1)),
        "macro_f1": f1.mean(-1),
        "macro_precision": precision.mean(-1),
        "macro_recall": recall.mean(-1),
    }
    for name, values in (("f1", f1), ("precision", precision), ("recall", recall), ("support", support)):
        scores |= {f"{name}/{label}": values[..., number] for number, label in enumerate(labels)}
    return scores


def label_numbers(names: Sequence[str], *, labels: Sequence[str]) -> NDArray[np.int64]:
    """Each name's position among ``labels``, (N,)."""
    places = {label: place for place, label in enumerate(labels)}
    for name in names:
        if name not in places:
            raise ValueError(f"unknown label {name!r}: {choices(str(name), labels)}")
    return np.array([places[name] for name in names], dtype=np.int64)


def indicators(rows: Sequence[Collection[str]], *, labels: Sequence[str]) -> NDArray[np.bool_]:
    """(N, K): whether the row has the label."""
    table = np.zeros((len(rows), len(labels)), dtype=np.bool_)
    for number, names in enumerate(rows):
        if isinstance(names, str):
            raise ValueError(f"row {number}: several labels are a list, not the text {names!r}")
        table[number, label_numbers(list(names), labels=labels)] = True
    return table


def ratio(part: NDArray[np.number], whole: NDArray[np.number]) -> Floats:
    """``part / whole``, 0 where there is nothing to divide by."""
    zeros = np.zeros(np.broadcast(part, whole).shape)
    quotients: Floats = np.divide(part, whole, out=zeros, where=whole != 0)
    return quotients


def as_floats(scores: dict[str, Floats]) -> dict[str, float]:
    """Plain numbers, for JSON."""
    return {name: float(value) for name, value in scores.items()}
