"""Ranking of pairs that are read together."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from polysense.distributed import everywhere
from polysense.errors import RecipeError, choices
from polysense.losses import circle, many_to_many_contrast
from polysense.objectives.objective import Answering, Judging, Look
from polysense.types import Prediction, Representation, Widths
from polysense.views.exchanged import Exchanged
from polysense.views.gathered import Gathered
from polysense.views.stacked import negatives, says_the_same

LOSSES = ("softmax", "circle")


class PairRanking(Answering, Judging):
    """A text and its picture, read together, score higher than with other rows' pictures, and with other texts.

    ``loss = 1/2 [ l(s_p, other pictures) + l(s_p, other texts) ]``, s = ``W dropout(u) + b`` of the fused pair u; l is
    ``-log( e^{s_p} / (e^{s_p} + sum_n e^{s_n}) )`` (softmax), or the circle loss of the scores' sigmoids.
    Other pictures and texts are drawn from the batch, and what equals the row's own is none; the ``negatives`` that the corpus
    gives (texts like the row's own) are read with its picture too. Of several processes each draws from its own part of the batch.
    Reads: text, image.   Source: UNIMO (ACL 2021), retrieval, whose code has the circle loss at scale 1; softmax as the default and
    hard texts are ours.   Relations: ``ImageTextMatching`` asks of one pair at a time whether it is right; wants a fusion in which
    text and picture meet, as ``SingleStream`` with ``pooling: product``, which is the paper's.

    Args:
        widths: supplied by the build.
        count: other pictures, and other texts, for each row; every one is a pass through the fusion.
        loss: ``softmax`` or ``circle``.
        margin: m of the circle loss.
        scale: of the circle loss. The authors' is 1, at which ten negatives leave a loss of 2.325 however good the scores are.
        dropout: before the last layer.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text", "image"})
    companions = True

    def __init__(
        self,
        widths: Widths,
        *,
        count: int = 3,
        loss: Literal["softmax", "circle"] = "softmax",
        margin: float = 0.2,
        scale: float = 32.0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if count < 1:
            raise RecipeError(f"PairRanking.count: expected a number from 1 up, found {count}")
        if loss not in LOSSES:
            raise RecipeError(f"PairRanking.loss: {loss!r} is not one; {choices(loss, LOSSES)}")
        if not scale > 0:
            raise RecipeError(f"PairRanking.scale: expected a number above 0, found {scale}")
        self.view = Exchanged(count)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(widths["fused"], 1))
        self.loss, self.margin, self.scale = loss, margin, scale

    def forward(self, look: Look) -> Tensor | None:
        """The mean of both directions over the rows that have both modalities."""
        batch = look.batch
        both = batch.parts["text"]["present"] & batch.parts["image"]["present"]
        if everywhere(not bool(both.any())):
            return None
        shown, seen = look(self.view)
        scores = self.judge(seen)
        table = scores.new_full((batch.size, 1 + 2 * self.view.count), -torch.inf)
        table = table.index_put((shown.targets["row"], shown.targets["which"]), scores)
        own, pictures, texts = table[:, :1], table[:, 1 : 1 + self.view.count], table[:, 1 + self.view.count :]
        if hard := negatives(batch):
            shown, seen = look(Gathered("text", hard, beside="image"))
            found = scores.new_full((batch.size, len(hard)), -torch.inf)
            found = found.index_put((shown.targets["row"], shown.targets["which"]), self.judge(seen))
            same = torch.stack([says_the_same(batch, name) for name in hard], dim=1)
            texts = torch.cat([texts, found.masked_fill(same, -torch.inf)], dim=1)
        return (self._direction(own, pictures) + self._direction(own, texts)) / 2

    def _direction(self, own: Tensor, others: Tensor) -> Tensor:
        if self.loss == "softmax":
            return many_to_many_contrast(own, others)
        chances = [scores.sigmoid().masked_fill(scores == -torch.inf, -torch.inf) for scores in (own, others)]
        return circle(chances[0], chances[1], margin=self.margin, scale=self.scale)

    def judge(self, representation: Representation) -> Tensor:
        """The score s: an order, no probability."""
        found: Tensor = self.head(representation.fused.summary)
        return found.float().squeeze(-1)

    def answer(self, representation: Representation) -> Prediction:
        """``fit``: the score of text and picture; None in rows that lack one."""
        both = representation.have("text", "image").tolist()
        scores = self.judge(representation).tolist()
        return Prediction({"fit": [value if there else None for value, there in zip(scores, both, strict=True)]})
