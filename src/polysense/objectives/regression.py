"""Regression: a number for each row, such as how positive a clip is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from polysense.distributed import everywhere, mean
from polysense.errors import DataError, RecipeError
from polysense.losses import regression_errors
from polysense.objectives.objective import Answering, Look
from polysense.types import Fields, Prediction, Representation, Sample, Widths
from polysense.views.plain import Plain


class Regression(Answering):
    """How strong something is: the score of a row, from the fused summary.

    ``(1/n) sum_i e(yhat_i, y_i)`` over the rows that have a score; e is the absolute error, the squared one, or Huber's with delta 1.
    The head is dropout and one Linear, or with ``hidden`` dropout, Linear, ReLU, Linear. On a ``Concatenation`` with a width and
    ``hidden`` of the same, fusion and head together are the head of Self-MM, and the fused summary is its F*_m.
    Reads: score.   Source: L1 of Self-MM (AAAI 2021), MSE of MISA (ACM MM 2020).   Relations: ``UnimodalLabels`` beside it.

    Args:
        widths: supplied by the build.
        loss: ``l1``, ``mse`` or ``huber``.
        hidden: width of a layer before the last; none where it is null.
        dropout: before the first layer.
        score_range: the lowest and the highest score of the corpus; answers are clipped to it.
        squash: let the head reach the ends of ``score_range`` as limits only, by a sigmoid, in training too (TFN).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"score"})
    sees_partial = True

    def __init__(
        self,
        widths: Widths,
        *,
        loss: Literal["l1", "mse", "huber"] = "l1",
        hidden: int | None = None,
        dropout: float = 0.0,
        score_range: list[float] | None = None,
        squash: bool = False,
    ) -> None:
        super().__init__()
        if score_range is not None and (len(score_range) != 2 or not score_range[0] < score_range[1]):
            raise RecipeError(f"Regression.score_range: write the lowest and the highest score, found {score_range}")
        if squash and score_range is None:
            raise RecipeError("Regression.squash: needs a score_range to keep to")
        self.loss = loss
        self.score_range = score_range
        self.squash = squash
        self.head = score_head(widths["fused"], hidden=hidden, dropout=dropout)

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """Refuse training rows whose score lies outside the range."""
        low, high = arguments.get("score_range") or (-math.inf, math.inf)
        for sample in samples:
            if sample.score is not None and not low <= sample.score <= high:
                row = sample.origin or f"the row with id {sample.id!r}"
                raise DataError(f"{row}, score: {sample.score} is outside the recipe's score_range from {low} to {high}")
        return dict(arguments)

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``score`` (batch,) float32, NaN where there is none."""
        return {"score": score_field([sample.score for sample in samples])}

    def forward(self, look: Look) -> Tensor | None:
        """The mean over the rows that have a score."""
        shown, seen = look(Plain())
        target = shown.batch.fields["score"]
        rows = ~target.isnan() & seen.fused.present
        if everywhere(not bool(rows.any())):
            return None
        return mean(regression_errors(self._scores(seen.fused.summary[rows]), target[rows], kind=self.loss))

    def _scores(self, summaries: Tensor) -> Tensor:
        """(rows,) in float32."""
        raw: Tensor = self.head(summaries).squeeze(1).float()
        if not self.squash or self.score_range is None:
            return raw
        low, high = self.score_range
        return low + (high - low) * raw.sigmoid()

    def answer(self, representation: Representation) -> Prediction:
        """``score``; None for a row that has nothing that the model reads."""
        scores = self._scores(representation.fused.summary)
        if self.score_range is not None:
            scores = scores.clamp(*self.score_range)
        return Prediction({"score": as_answers(scores, representation.fused.present)})


def score_head(width: int, *, hidden: int | None, dropout: float = 0.0) -> nn.Sequential:
    """From a summary of ``width`` to one number: dropout, Linear; or dropout, Linear, ReLU, Linear."""
    if hidden is None:
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, 1))
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 1))


def score_field(scores: Sequence[float | None]) -> Tensor:
    """(rows,) float32, NaN where there is none."""
    return torch.tensor([math.nan if score is None else score for score in scores], dtype=torch.float32)


def as_answers(scores: Tensor, present: Tensor) -> list[float | None]:
    """Numbers (rows,) as a column of a prediction, None where ``present`` (rows,) is False."""
    return [score if there else None for score, there in zip(scores.tolist(), present.tolist(), strict=True)]
