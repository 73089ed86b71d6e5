"""What scores say in words: the side of a row's score, and which of its modalities say the opposite of each other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from polysense.metrics.sentiment import SIDES, SIMS_EDGES, Dataset
from polysense.types import MODALITIES

EDGES: Mapping[Dataset, float] = {"mosi": 0.5, "sims": SIMS_EDGES["Mult_acc_3"][1]}
"""Up to this far from 0 a score is neutral: what ``Mult_acc_7`` rounds to 0, and the middle class of ``Mult_acc_3``."""


def with_sides(answer: Mapping[str, Any], *, dataset: Dataset) -> dict[str, Any]:
    """The answer to a row with ``label``, ``negative``, ``neutral`` or ``positive``, and ``disagree``.

    ``disagree`` lists the pairs of modalities of which one is positive by its own score and the other negative; it is there where
    at least two modalities have one. A model that has labels of its own keeps them.
    """
    score = answer.get("score")
    if score is None:
        return dict(answer)
    own = {name: answer[f"score_{name}"] for name in MODALITIES if answer.get(f"score_{name}") is not None}
    found = {"label": side(score, dataset=dataset), **answer}
    if len(own) > 1:
        found["disagree"] = [
            [one, other] for one, other in combinations(own, 2) if opposed(own[one], own[other], dataset=dataset)
        ]
    return found


def opposed(one: float, other: float, *, dataset: Dataset) -> bool:
    """Whether one of two scores is positive and the other negative: neither is neutral."""
    return {side(one, dataset=dataset), side(other, dataset=dataset)} == set(SIDES)


def side(score: float, *, dataset: Dataset) -> str:
    """Of one score, by the scale of the data set: from -3 to 3 (``mosi``), or from -1 to 1 (``sims``)."""
    if abs(score) <= EDGES[dataset]:
        return "neutral"
    return "positive" if score > 0 else "negative"
