"""The control of rewriting: how well a classifier that sees no picture tells a caption from its rewrites."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars
from numpy.typing import NDArray
from scipy import sparse

from polysense.data.rewrite import LEVELS, Level
from polysense.data.rewrites import Rewrites

FOLDS = 5
MOST = 50_000
"""Pairs of a level that the classifier is asked about, at most; which ones does not depend on what else is in the table."""

EVERY_WORD = r"(?u)\b\w+\b"
"""Those of one character too: *a* and *an* could tell."""

SAME = 1e-12
"""Below it a difference of scores is rounding."""

WIDTH = 1.96
"""Standard errors on each side of an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Told:
    """The share of pairs in which the classifier prefers the caption to its rewrite; chance is 0.5."""

    accuracy: float
    low: float
    """Of the interval of 95 %, over pictures."""
    high: float
    pairs: int
    pictures: int


def text_only_control(rewrites: Rewrites, *, folds: int = FOLDS, most: int = MOST, seed: int = 0) -> dict[Level, Told]:
    """Level -> how well text alone tells captions from rewrites; levels with fewer than ``folds`` pictures are left out.

    A logistic regression on the difference of the TF-IDF of words and word bigrams learns on some pictures' pairs which text is the
    caption, and is asked about those of other pictures; where it gives both the same, that counts one half. A model of pictures and
    texts that prefers captions no more often than this may have learned nothing but which words go together.
    """
    found: dict[Level, Told] = {}
    for level in LEVELS:
        pairs = rewrites.table.filter(polars.col("level") == level).select("picture", "text", "rewrite")
        pairs = _chosen(pairs, most, seed)
        if pairs["picture"].n_unique() >= folds:
            found[level] = _told(pairs, folds, seed)
    return found


def control_record(control: Mapping[Level, Told]) -> dict[str, Any]:
    """For JSON."""
    return {level: asdict(told) for level, told in control.items()}


def _chosen(pairs: polars.DataFrame, most: int, seed: int) -> polars.DataFrame:
    if len(pairs) <= most:
        return pairs
    order = np.argsort([_hashed(seed, *row) for row in pairs.iter_rows()], kind="stable")
    return pairs[np.sort(order[:most])]


def _hashed(seed: int, *row: str) -> int:
    return int.from_bytes(hashlib.blake2b(repr((seed, *row)).encode(), digest_size=7).digest(), "big")


def _told(pairs: polars.DataFrame, folds: int, seed: int) -> Told:
    names = sorted(pairs["picture"].unique(), key=lambda name: _hashed(seed, name))
    number_of = {name: place for place, name in enumerate(names)}
    pictures = np.array([number_of[name] for name in pairs["picture"]])
    texts = sorted({*pairs["text"], *pairs["rewrite"]})
    place_of = {text: place for place, text in enumerate(texts)}
    sides = [np.array([place_of[text] for text in pairs[column]]) for column in ("text", "rewrite")]
    counts = _counts(texts)
    right = np.zeros(len(pairs))
    for number in range(folds):
        asked = pictures % folds == number
        learn = [side[~asked] for side in sides]
        rows = _weighed(counts, np.concatenate(learn))
        margin = _learned(rows[learn[0]] - rows[learn[1]]) @ (rows[sides[0][asked]] - rows[sides[1][asked]]).T
        right[asked] = np.where(np.abs(margin) < SAME, 0.5, margin > 0)
    accuracy = float(right.mean())
    of_pictures = np.bincount(pictures, weights=right - accuracy)
    error = math.sqrt(float((of_pictures**2).sum())) / len(pairs)
    return Told(accuracy, max(0.0, accuracy - WIDTH * error), min(1.0, accuracy + WIDTH * error), len(pairs), len(names))


def _counts(texts: Sequence[str]) -> sparse.csr_array:
    """(texts, words and bigrams): how often each is there."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(ngram_range=(1, 2), token_pattern=EVERY_WORD, dtype=np.float64)
    return sparse.csr_array(vectorizer.fit_transform(texts))


def _weighed(counts: sparse.csr_array, learn: NDArray[np.int64]) -> sparse.csr_array:
    """TF-IDF of unit length by the texts at ``learn``, as often as each stands there; what is in fewer than two of them is left out."""
    present = counts.copy()
    present.data[:] = 1
    texts = present.T @ np.bincount(learn, minlength=counts.shape[0])
    weights = np.where(texts >= 2, np.log((1 + len(learn)) / (1 + texts)) + 1, 0)
    rows = sparse.csr_array(counts * weights[None, :])
    lengths = np.sqrt((rows * rows).sum(axis=1))
    return sparse.csr_array(rows / np.where(lengths > 0, lengths, 1)[:, None])


def _learned(differences: sparse.csr_array) -> NDArray[np.float64]:
    """The weights by which captions are told, from (pairs, words and bigrams): caption less rewrite."""
    from sklearn.linear_model import LogisticRegression

    side = np.where(
        np.arange(differences.shape[0]) % 2 == 0, 1.0, -1.0
    )  # it needs both answers: every second pair is turned round
    model = LogisticRegression(C=10.0, fit_intercept=False, max_iter=1000).fit(
        sparse.csr_array(differences * side[:, None]), side
    )
    return np.asarray(model.coef_[0])
