"""How near written texts are to what people wrote: BLEU-4, ROUGE-1, ROUGE-2, ROUGE-L, CIDEr.

Each takes texts as lists of words (:func:`words`) and for each of them its references, at least one. For the same words the numbers
are those of the evaluation of COCO captions (BLEU, ROUGE-L, CIDEr-D) and of Google's ROUGE (ROUGE-1, ROUGE-2, ``rouge_l_f1``); COCO's
words are cut by a tokenizer that needs Java, ours by :func:`words`. All are fractions but CIDEr, whose 1 is usually printed as 100.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Words = Sequence[str]
Grams = Counter[tuple[str, ...]]
Floats = NDArray[np.float64]

ORDERS = (1, 2, 3, 4)
BLEU_COUNTS = 2 * len(ORDERS) + 2
LENGTH_SPREAD = 6.0
"""Words by which a text may differ in length from a reference until CIDEr takes off a good third."""
RECALL = 1.2
"""How much more recall counts than precision in ROUGE-L of captions."""

WORD = re.compile(r"\w+(?:['’.-]\w+)*")


def words(text: str) -> list[str]:
    """Its words in small letters, without signs between them; signs within words (``dog's``, ``t-shirt``) stay."""
    return WORD.findall(text.lower())


def bleu_4(texts: Sequence[Words], references: Sequence[Sequence[Words]]) -> float:
    """Geometric mean of the shares of 1- to 4-grams that stand in a reference, over all texts, times the penalty for brevity.

    Counts are clipped to the most of any reference, lengths are held against the nearest reference (of two, the shorter one).
    Source: Papineni et al. 2002; no smoothing.
    """
    counts = [bleu_counts(text, several) for text, several in zip(texts, references, strict=True)]
    return float(bleu_of(np.array(counts, dtype=np.float64).reshape(-1, BLEU_COUNTS).sum(axis=0)))


def bleu_counts(text: Words, several: Sequence[Words]) -> list[int]:
    """What a text adds to BLEU: of 1- to 4-grams those that a reference has, then all; its length, that of the nearest reference."""
    right, every = [], []
    for order in ORDERS:
        own, most = _grams(text, order), Counter[tuple[str, ...]]()
        for one in several:
            most |= _grams(one, order)
        right.append(sum((own & most).values()))
        every.append(own.total())
    return [*right, *every, len(text), min((abs(len(one) - len(text)), len(one)) for one in several)[1]]


def bleu_of(counts: Floats) -> Floats:
    """BLEU-4 (...) of summed :func:`bleu_counts` (..., 10); 0 where no n-gram of some order is right."""
    right, every, length, nearest = counts[..., :4], counts[..., 4:8], counts[..., 8], counts[..., 9]
    found = np.asarray(right.min(axis=-1) > 0)
    precision = np.exp(np.log(np.where(found[..., None], right / np.maximum(every, 1), 1)).mean(axis=-1))
    brevity = np.exp(np.minimum(0, 1 - nearest / np.maximum(length, 1)))
    score: Floats = np.where(found, precision * brevity, 0.0)
    return score


def rouge_l(texts: Sequence[Words], references: Sequence[Sequence[Words]]) -> float:
    """Mean over texts of :func:`rouge_l_each`."""
    return _mean(rouge_l_each(texts, references))


def rouge_l_each(texts: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """Of each text (1 + b^2) P R / (R + b^2 P), b = 1.2; P, R: the best share of the longest common subsequence with a reference.

    Source: Lin 2004, as the evaluation of COCO captions computes it.
    """

    def score(text: Words, several: Sequence[Words]) -> float:
        common = [_common(text, one) for one in several]
        precision = max(found / max(len(text), 1) for found in common)
        recall = max(found / max(len(one), 1) for found, one in zip(common, several, strict=True))
        weighed = recall + RECALL**2 * precision
        return (1 + RECALL**2) * precision * recall / weighed if weighed else 0.0

    return [score(text, several) for text, several in zip(texts, references, strict=True)]


def rouge_l_f1(texts: Sequence[Words], references: Sequence[Sequence[Words]]) -> float:
    """Mean over texts of :func:`rouge_l_f1_each`."""
    return _mean(rouge_l_f1_each(texts, references))


def rouge_l_f1_each(texts: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """Of each text the best harmonic mean of precision and recall of the longest common subsequence with a reference."""
    return _best_f1(texts, references, lambda text, one: (_common(text, one), len(text), len(one)))


def rouge_n(texts: Sequence[Words], references: Sequence[Sequence[Words]], *, order: int) -> float:
    """Mean over texts of :func:`rouge_n_each`."""
    return _mean(rouge_n_each(texts, references, order=order))


def rouge_n_each(texts: Sequence[Words], references: Sequence[Sequence[Words]], *, order: int) -> list[float]:
    """The same as :func:`rouge_l_f1_each` of n-grams that both have. Source: Lin 2004; no stemming."""

    def overlap(text: Words, one: Words) -> tuple[int, int, int]:
        own, other = _grams(text, order), _grams(one, order)
        return (own & other).total(), own.total(), other.total()

    return _best_f1(texts, references, overlap)


def cider(texts: Sequence[Words], references: Sequence[Sequence[Words]]) -> float:
    """Mean over texts of :func:`cider_each`."""
    return _mean(cider_each(texts, references))


def cider_each(texts: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """CIDEr-D: of each text 10 times the mean over references and orders of cosines of n-grams weighed by how rare they are.

    ``10 mean_n mean_r exp(-(l - l_r)^2 / 2 s^2) sum_w min(g_w, r_w) r_w / (|g| |r|)``; g, r = count * log(N / df), df among the N
    texts' sets of references, s = 6. It means nothing for one text alone, whose weights are all 0. Source: Vedantam et al. 2015.
    """
    frequency: Grams = Counter()
    for several in references:
        frequency.update({gram for one in several for order in ORDERS for gram in _grams(one, order)})
    total = math.log(len(references)) if references else 0.0

    def weighed(text: Words, order: int) -> dict[tuple[str, ...], float]:
        return {gram: count * (total - math.log(max(1, frequency[gram]))) for gram, count in _grams(text, order).items()}

    def near(text: Words, one: Words) -> float:
        # The released code measures the length by the pairs of words.
        far = max(len(text) - 1, 0) - max(len(one) - 1, 0)
        found = [_clipped_cosine(weighed(text, order), weighed(one, order)) for order in ORDERS]
        return sum(found) / len(ORDERS) * math.exp(-(far**2) / (2 * LENGTH_SPREAD**2))

    return [10 * _mean(near(text, one) for one in several) for text, several in zip(texts, references, strict=True)]


def _grams(text: Words, order: int) -> Grams:
    return Counter(zip(*(text[start:] for start in range(order)), strict=False))


def _clipped_cosine(one: dict[tuple[str, ...], float], other: dict[tuple[str, ...], float]) -> float:
    size = math.hypot(*one.values()) * math.hypot(*other.values())
    return sum(min(value, other[gram]) * other[gram] for gram, value in one.items() if gram in other) / size if size else 0.0


def _common(one: Words, other: Words) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = row
        row = [0]
        for place, (corner, above) in enumerate(pairwise(before)):
            row.append(corner + 1 if word == other[place] else max(above, row[-1]))
    return row[-1]


def _best_f1(
    texts: Sequence[Words],
    references: Sequence[Sequence[Words]],
    overlap: Callable[[Words, Words], tuple[int, int, int]],
) -> list[float]:
    def f1(text: Words, one: Words) -> float:
        both, own, other = overlap(text, one)
        return 2 * both / (own + other) if own + other else 0.0

    return [max(f1(text, one) for one in several) for text, several in zip(texts, references, strict=True)]


def _mean(values: Iterable[float]) -> float:
    every = list(values)
    return sum(every) / len(every) if every else 0.0
