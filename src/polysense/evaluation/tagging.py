"""Precision, recall and F1 of marked spans."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polysense.data.tags import in_words
from polysense.data.words import words
from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.metrics.spans import binary, exact, proportional, scores_of_outcomes, span_outcomes
from polysense.objectives.span_tagging import SpanTagging, refuse_other_roles
from polysense.types import Sample, Span

CREDITS = (exact, binary, proportional)


class Tagging(Evaluator):
    """``exact_f1``, ``binary_f1``, ``proportional_f1``, their ``_precision`` and ``_recall``, and all by role: ``exact_f1/aspect``.

    Defined in :mod:`polysense.metrics.spans`. Exact compares characters; the other two count in words (a span that cuts through a word
    holds it), in Chinese in characters. All marked spans count, those too that overlap others, which a tagger can never find together.
    Rows that are not marked are left out; a DataError names a row with a role that the model does not know.

    Warns:
        UserWarning: texts are longer than the encoder reads; spans behind its end count as missed. Said once of the same texts.
    """

    target = "spans"

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Mark and compare."""
        marked = [sample for sample in samples if sample.spans is not None and sample.text is not None]
        if not marked:
            return {}
        tagger = next((one for one in answerer.learner.active.values() if isinstance(one, SpanTagging)), None)
        if tagger is None:
            raise RecipeError("evaluation.evaluators: Tagging needs an objective SpanTagging of weight above 0")
        refuse_other_roles(marked, tagger.roles)
        targets = [list(sample.spans or ()) for sample in marked]
        columns = answerer.predict(marked).columns
        self._warn_of_unread(columns["unread"])
        answers = [_spans(row) for row in columns["spans"]]
        texts = [sample.text or "" for sample in marked]
        outcomes = tagging_outcomes(texts, targets, answers, roles=tagger.roles).sum(axis=0)
        return {name: float(value) for name, value in tagging_scores(outcomes, roles=tagger.roles).items()}

    def _warn_of_unread(self, unread: Sequence[int]) -> None:
        """How much of the texts the encoder does not read, if anything."""
        cut = [count for count in unread if count]
        message = f"{sum(cut)} words of {len(cut)} texts lie behind encoders.text.max_length and are not marked"
        if cut and message not in self._told:
            self._told.add(message)
            warnings.warn(message, stacklevel=3)


def tagging_outcomes(
    texts: Sequence[str], targets: Sequence[Sequence[Span]], answers: Sequence[Sequence[Span]], *, roles: Sequence[str]
) -> NDArray[np.float64]:
    """What each row adds to the metrics of :class:`Tagging`, (rows, 12 R); spans count in characters of their texts."""
    laid = [words(text) for text in texts]
    counted = [[in_words(spans, row) for spans, row in zip(side, laid, strict=True)] for side in (targets, answers)]
    sides = {credit: (targets, answers) if credit is exact else counted for credit in CREDITS}
    return np.concatenate([span_outcomes(*sides[credit], roles=roles, credit=credit) for credit in CREDITS], axis=1)


def tagging_scores(outcomes: NDArray[np.number], *, roles: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """The metrics of summed :func:`tagging_outcomes` (..., 12 R), each with its values (...)."""
    found: dict[str, NDArray[np.float64]] = {}
    for credit, part in zip(CREDITS, np.split(outcomes, len(CREDITS), axis=-1), strict=True):
        found |= {f"{credit.__name__}_{name}": value for name, value in scores_of_outcomes(part, roles=roles).items()}
    return found


def _spans(answer: Sequence[Mapping[str, Any]]) -> list[Span]:
    return [Span(one["start"], one["end"], one["role"]) for one in answer]
