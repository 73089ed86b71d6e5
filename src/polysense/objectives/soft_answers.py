"""Answers on which people disagree, as in questions about pictures (VQA)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from polysense.data.table import classes
from polysense.distributed import everywhere, mean
from polysense.errors import DataError, RecipeError
from polysense.metrics.soft_answers import FULL, soft_scores
from polysense.objectives.objective import Answering, Choosing, Chosen, Look
from polysense.types import Fields, Prediction, Representation, Sample, Widths
from polysense.views.plain import Plain
from polysense.views.view import View


class SoftAnswers(Answering, Choosing):
    """Which of the answers that people often give is right, where each row has what several people said.

    ``loss = mean over rows of sum_a BCE(z_a, min(n_a / 3, 1))``; n_a people gave the answer a. The head is Linear to twice the width,
    GELU, LayerNorm, Linear to the answers.
    Reads: label, all answers of a row, repeated as often as they were given.   Source: the usual form of VQA; UNIMO (ACL 2021) does
    the task, its code was never released.   Relations: on ``SingleStream`` with ``pooling: product``.

    Args:
        widths: supplied by the build.
        least: an answer is learned if it was given in so many training rows or more.
        answers: those; taken from the training rows.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"answers"})

    def __init__(self, widths: Widths, *, least: int = 9, answers: list[str] | None = None) -> None:
        super().__init__()
        if answers is None:
            raise RecipeError("SoftAnswers: the answers come from the training rows: call complete() first")
        if least < 1:
            raise RecipeError(f"SoftAnswers.least: expected a number from 1 up, found {least}")
        self.answers = list(answers)
        width = widths["fused"]
        self.head = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.LayerNorm(2 * width), nn.Linear(2 * width, len(self.answers))
        )

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """The answers, the most frequent first.

        Raises:
            DataError: no answer is given often enough.
        """
        counts = Counter(answer for sample in samples for answer in set(classes(sample)))
        often = sorted(
            (answer for answer in counts if counts[answer] >= arguments["least"]), key=lambda one: (-counts[one], one)
        )
        if not often:
            raise DataError(
                f"no answer is given in {arguments['least']} training rows or more; write a smaller SoftAnswers.least"
            )
        return {**arguments, "answers": arguments.get("answers") or often}

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``answers`` (batch, answers) float32, from 0 to 1; NaN in rows without an answer."""
        if all(sample.label is None for sample in samples):
            return {}
        place = {answer: number for number, answer in enumerate(self.answers)}
        targets = torch.zeros(len(samples), len(self.answers))
        for row, sample in enumerate(samples):
            if sample.label is None:
                targets[row] = torch.nan
            for answer, score in soft_scores(classes(sample)).items():
                if answer in place:
                    targets[row, place[answer]] = score
        return {"answers": targets}

    def forward(self, look: Look) -> Tensor | None:
        """The loss over the rows that have answers."""
        found = self.choose(look)
        return None if found is None else found.loss

    def view(self, look: Look) -> View:
        """All there is."""
        del look
        return Plain()

    def choose(self, look: Look) -> Chosen | None:
        """Of a row with answers, for each answer a choice between yes and no."""
        shown, seen = look(self.view(look))
        targets = shown.batch.fields["answers"]
        rows = ~targets[:, 0].isnan() & seen.fused.present
        if everywhere(not bool(rows.any())):
            return None
        logits = self.head(seen.fused.summary[rows]).float()
        loss = mean(binary_cross_entropy_with_logits(logits, targets[rows], reduction="none").sum(dim=1))
        return Chosen(torch.stack([logits, torch.zeros_like(logits)], dim=-1), loss)

    def answer(self, representation: Representation) -> Prediction:
        """``label``, the likeliest answer, and ``probabilities`` of the three likeliest."""
        chances = self.head(representation.fused.summary).float().sigmoid()
        best = chances.topk(min(FULL, len(self.answers)), dim=1)
        named = [
            {self.answers[place]: chance for place, chance in zip(places, values, strict=True)}
            for places, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        return Prediction({"label": [next(iter(row)) for row in named], "probabilities": named})
