"""Image-text matching (ITM)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from polysense.distributed import everywhere, share
from polysense.errors import RecipeError, choices
from polysense.objectives.image_text_contrast import ImageTextContrast
from polysense.objectives.objective import Answering, Judging, Look, Objective
from polysense.types import Prediction, Representation, Widths
from polysense.views.mismatched import HardMismatched, Mismatched
from polysense.views.plain import Plain


class ImageTextMatching(Answering, Judging):
    """Does this text belong to this picture? About half of the rows are shown another post's text.

    ``loss = (1/n) sum_i CE(u_i, match_i)`` on the fused (possibly exchanged) pair, unweighted.
    Reads: text, image.   Source: Findings of EACL 2024, section 3 (ITM).   Relations: never touches the labels; the picture and
    the texts are encoded once a step, exchanged texts are re-indexed.

    Args:
        widths: supplied by the build.
        dropout: before the last layer; as in the classifier.
        share: probability that a row's text is exchanged.
        hard: the name of an ``ImageTextContrast`` in the recipe: texts that it finds to go well with the picture are shown more often,
            with probability proportional to e^S (ours). None: all other texts alike.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text", "image"})
    among_rows: ClassVar[bool] = True

    def __init__(self, widths: Widths, *, dropout: float = 0.05, share: float = 0.5, hard: str | None = None) -> None:
        super().__init__()
        if not 0 < share < 1:
            raise ValueError(f"share: expected a probability between 0 and 1, found {share}")
        self.view = Mismatched(swapped="text", kept="image", share=share)
        self.hard = hard
        self._contrast: list[ImageTextContrast] = []  # in a list, for it is another one's: no module of this one
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(widths["fused"], 2))

    def forward(self, look: Look) -> Tensor | None:
        """Two-way cross-entropy over the rows that have both modalities."""
        shown, seen = look(self._harder(look) if self._contrast else self.view)
        both = seen.have("text", "image")
        if everywhere(not bool(both.any())):
            return None
        logits = self.head(seen.fused.summary[both])
        total = nn.functional.cross_entropy(logits.float(), shown.targets["match"][both], reduction="sum")
        return share(total, logits.shape[0])

    def borrow(self, others: Mapping[str, Objective]) -> None:
        """The contrast that says which texts go with a picture.

        Raises:
            RecipeError: ``hard`` names no ``ImageTextContrast`` of the recipe.
        """
        if self.hard is None:
            return
        found = others.get(self.hard)
        if not isinstance(found, ImageTextContrast):
            fitting = [name for name, one in others.items() if isinstance(one, ImageTextContrast)]
            raise RecipeError(
                f"ImageTextMatching.hard: {self.hard!r} is no ImageTextContrast of this recipe; {choices(self.hard, fitting)}"
            )
        self._contrast = [found]

    def _harder(self, look: Look) -> Mismatched:
        """The view with what the contrast says of each picture with each text of the batch."""
        _, seen = look(Plain())
        if not {"text", "image"} <= set(seen.parts):
            return self.view
        [contrast] = self._contrast
        with torch.no_grad():
            text, image = (contrast.project(name, seen.parts[name].summary) for name in ("text", "image"))
            fit = contrast.scale() * image @ text.T
        view = self.view
        return HardMismatched(swapped=view.swapped, kept=view.kept, share=view.share, by=str(self.hard), fit=fit)

    def judge(self, representation: Representation) -> Tensor:
        """The probability that text and image belong together."""
        found: Tensor = self.head(representation.fused.summary).float().softmax(dim=-1)[:, 1]
        return found

    def answer(self, representation: Representation) -> Prediction:
        """``match``: the probability that text and image belong together; None in rows that lack one."""
        both = representation.have("text", "image").tolist()
        chances = self.judge(representation).tolist()
        return Prediction({"match": [value if there else None for value, there in zip(chances, both, strict=True)]})
