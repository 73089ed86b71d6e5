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

from polysense.data.media import normalised
from polysense.data.rewrite import LEVELS, Level
from polysense.data.rewrites import Rewrites

FOLDS = 5
FEWEST = 20
"""Pairs asked about, at least; the interval of fewer says nothing."""

MOST = 50_000
"""Pairs of a level that the classifier is asked about, at most; which ones does not depend on what else is in the table."""

EVERY_WORD = r"(?u)\b\w+\b"
"""Those of one character too: *a* and *an* could tell."""

SAME = 1e-12
"""Below it a difference of scores is rounding."""

CHANCE = 0.5
WIDTH = 1.96
"""Standard errors on each side of an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Told:
    """The share of pairs in which the classifier prefers the caption to its rewrite; chance is 0.5. None: too few to tell."""

    accuracy: float | None
    low: float | None
    """Of the interval of 95 %, over pictures."""
    high: float | None
    pairs: int
    """That were asked about."""
    pictures: int


def text_only_control(rewrites: Rewrites, *, folds: int = FOLDS, most: int = MOST, seed: int = 0) -> dict[Level, Told]:
    """Level -> how well text alone tells captions from rewrites; levels without rewrites are left out.

    A logistic regression on the difference of the TF-IDF of words and word bigrams learns on some pictures' pairs which text is the
    caption, and is asked about those of other pictures; where it gives both the same, that counts one half. A model of pictures and
    texts that prefers captions no more often than this may have learned nothing but which words go together.

    No text is learned from and asked about, neither as caption nor as rewrite: a caption of one picture is the rewrite of another
    one's, and what was learned to be right would be asked about as wrong. So a pair is asked about where both texts belong to
    pictures of one fold, and learned from where neither does.

    There is no number where fewer than `FEWEST` pairs can be asked about. One below chance (:func:`hides`) says little: what is drawn
    from the captions themselves is put in about as often as it is taken out; of a word that was taken out more often in some folds,
    the rest put in more. In a table in which each word is seldom exchanged, the classifier learns that alone and is wrong more
    often than not, and what else gives rewrites away cannot be seen behind it.
    """
    found: dict[Level, Told] = {}
    for level in LEVELS:
        pairs = rewrites.table.filter(polars.col("level") == level)
        if len(pairs):
            home = polars.col("by") if level == "sentence" else polars.lit("")
            pairs = pairs.select("picture", "text", "rewrite", home.alias("home"))
            found[level] = _told(_chosen(pairs, most, seed), folds, seed)
    return found


def hides(high: float | None) -> bool:
    """Whether an interval that ends at ``high`` lies below chance: what gives rewrites away may be hidden behind what misleads."""
    return high is not None and high < CHANCE


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
    pictures = pairs["picture"].to_list()
    homes = [home or picture for home, picture in zip(pairs["home"], pictures, strict=True)]
    columns = [pairs[column].to_list() for column in ("text", "rewrite")]
    belongs = _belonging(pictures, homes, columns, folds, seed)
    texts = sorted({*columns[0], *columns[1]})
    place_of = {text: place for place, text in enumerate(texts)}
    sides = [np.array([place_of[text] for text in column]) for column in columns]
    counts = _counts(texts)
    right = np.full(len(pairs), np.nan)
    for number in range(folds):
        asked, learned = belongs[:, number] & (belongs.sum(axis=1) == 1), ~belongs[:, number]
        if not asked.any() or learned.sum() < 2:
            continue
        learn = [side[learned] for side in sides]
        rows = _weighed(counts, np.concatenate(learn))
        margin = _learned(rows[learn[0]] - rows[learn[1]]) @ (rows[sides[0][asked]] - rows[sides[1][asked]]).T
        right[asked] = np.where(np.abs(margin) < SAME, 0.5, margin > 0)
    answered = ~np.isnan(right)
    return _summed(right[answered], np.array(pictures)[answered])


def _belonging(
    pictures: Sequence[str], homes: Sequence[str], columns: Sequence[Sequence[str]], folds: int, seed: int
) -> NDArray[np.bool_]:
    """(pairs, folds): those that the two texts of a pair belong to.

    A caption belongs to the folds of the pictures that it was written of; a rewrite to that of its caption's picture or, where it
    is a caption of another picture, to that one's (``homes``).
    """
    names = sorted({*pictures, *homes}, key=lambda name: _hashed(seed, name))
    fold_of = {name: place % folds for place, name in enumerate(names)}
    of_text: dict[str, set[int]] = {}
    keys = [[normalised(text) for text in column] for column in columns]
    for column, owners in zip(keys, (pictures, homes), strict=True):
        for key, owner in zip(column, owners, strict=True):
            of_text.setdefault(key, set()).add(fold_of[owner])
    belongs = np.zeros((len(pictures), folds), np.bool_)
    for row, pair in enumerate(zip(*keys, strict=True)):
        for key in pair:
            belongs[row, list(of_text[key])] = True
    return belongs


def _summed(right: NDArray[np.float64], pictures: NDArray[np.str_]) -> Told:
    names, places = np.unique(pictures, return_inverse=True)
    if len(right) < FEWEST:
        return Told(None, None, None, len(right), len(names))
    accuracy = float(right.mean())
    error = math.sqrt(float((np.bincount(places, weights=right - accuracy) ** 2).sum())) / len(right)
    low, high = max(0.0, accuracy - WIDTH * error), min(1.0, accuracy + WIDTH * error)
    return Told(accuracy, low, high, len(right), len(names))


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
