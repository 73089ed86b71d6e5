"""Texts as TF-IDF vectors: which texts share rare words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from scipy import sparse

WORD = r"(?u)\b\w\w+\b"
"""A word of two characters or more."""


def tfidf(texts: Sequence[str], *others: Sequence[str]) -> list[sparse.csr_array]:
    """(texts, vocabulary) of unit length for each collection, weighed by how rare words are in all of them together.

    A text without a word of the vocabulary is a row of zeros, and similar to none.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    every = [text for part in (texts, *others) for text in part]
    try:
        rows = sparse.csr_array(TfidfVectorizer(token_pattern=WORD).fit_transform(every))
    except ValueError:  # not one word in all the texts
        rows = sparse.csr_array((len(every), 1))
    ends = [0]
    for part in (texts, *others):
        ends.append(ends[-1] + len(part))
    return [rows[start:end] for start, end in pairwise(ends)]
