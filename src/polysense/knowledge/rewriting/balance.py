"""Taking words out as often as they are put in, so that no word by itself says that a text was rewritten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from polysense.knowledge.rewriting.scene import Kind, Part

ROUNDS = 60
MOST = 8.0
"""A word's weight is changed by this factor at most; what is out of balance then is taken out more seldom."""

Key = tuple[Kind, str]


@dataclass(frozen=True)
class Balance:
    """For the words of each group: which share of them is taken out, and the factor of their weight when words are put in."""

    shares: Mapping[Key, NDArray[np.float64]] = field(default_factory=dict)
    factors: Mapping[Key, NDArray[np.float64]] = field(default_factory=dict)

    def taken(self, part: Part, place: int) -> float:
        """How often the part, which has this place in its group, is replaced at all, from 0 to 1."""
        shares = self.shares.get((part.kind, part.shape))
        return 1.0 if shares is None else float(shares[place])

    def given(self, part: Part, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """The factors of the words at these places of the part's group."""
        factors = self.factors.get((part.kind, part.shape))
        return np.ones(len(places)) if factors is None else factors[places]


EVEN = Balance()
"""Every part is replaced, by the weights as they are."""


def balanced(flows: Mapping[Key, tuple[int, Iterable[tuple[int, NDArray[np.int64], NDArray[np.float64]]]]]) -> Balance:
    """Fit shares and factors so that each word is expected to be put in as often as it is taken out.

    Args:
        flows: by group: how many words it has, and of each part of the corpus its place, its candidates' places, and their weights.
    """
    shares, factors = {}, {}
    for key, (size, parts) in flows.items():
        shares[key], factors[key] = _fit(size, list(parts))
    return Balance(shares, factors)


def _fit(
    size: int, parts: list[tuple[int, NDArray[np.int64], NDArray[np.float64]]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Proportional fitting. One round moves both halfway, in logarithms, to where the expected numbers would agree."""
    parts = [part for part in parts if len(part[1])]
    share, factor = np.ones(size), np.ones(size)
    if not parts:
        return share, factor
    own = np.array([place for place, _, _ in parts])
    ends = np.cumsum([0, *(len(places) for _, places, _ in parts)])
    weights = sparse.csr_array(
        (np.concatenate([weights for _, _, weights in parts]), np.concatenate([places for _, places, _ in parts]), ends),
        shape=(len(parts), size),
    )
    for _ in range(ROUNDS):
        taken = np.bincount(own, weights=share[own], minlength=size)
        given = factor * (weights.T @ (share[own] / (weights @ factor)))
        move = np.sqrt((given + 1e-9) / (taken + 1e-9))
        share = np.clip(share * move, 0, 1)
        factor = np.clip(factor / move, 1 / MOST, MOST)
    return share, factor
