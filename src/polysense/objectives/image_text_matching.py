"""Image-text matching (ITM)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from polysense.data.collate import Prepares
from polysense.distributed import everywhere, share
from polysense.model import Model
from polysense.objectives.fused_pair import refuse_one_modality
from polysense.objectives.objective import Answering, Judging, Look
from polysense.types import Prediction, Representation, Widths
from polysense.views.mismatched import Mismatched


class ImageTextMatching(Answering, Judging):
    """Does this text belong to this picture? About half of the rows are shown another post's text.

    ``loss = (1/n) sum_i CE(u_i, match_i)`` on the fused (possibly exchanged) pair, unweighted.
    Reads: text, image.   Source: Findings of EACL 2024, section 3 (ITM).   Relations: never touches the labels; the picture and
    the texts are encoded once a step, exchanged texts are re-indexed.

    Args:
        widths: supplied by the build.
        dropout: before the last layer; as in the classifier.
        share: probability that a row's text is exchanged.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text", "image"})
    among_rows: ClassVar[bool] = True

    def __init__(self, widths: Widths, *, dropout: float = 0.05, share: float = 0.5) -> None:
        super().__init__()
        if not 0 < share < 1:
            raise ValueError(f"share: expected a probability between 0 and 1, found {share}")
        self.view = Mismatched(swapped="text", kept="image", share=share)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(widths["fused"], 2))

    def preparer(self, model: Model) -> Prepares:
        """Nobody but itself.

        Raises:
            RecipeError: the fusion passes one modality alone.
        """
        refuse_one_modality("ImageTextMatching", model)
        return super().preparer(model)

    def forward(self, look: Look) -> Tensor | None:
        """Two-way cross-entropy over the rows that have both modalities."""
        shown, seen = look(self.view)
        both = seen.have("text", "image")
        if everywhere(not bool(both.any())):
            return None
        logits = self.head(seen.fused.summary[both])
        total = nn.functional.cross_entropy(logits.float(), shown.targets["match"][both], reduction="sum")
        return share(total, logits.shape[0])

    def judge(self, representation: Representation) -> Tensor:
        """The probability that text and image belong together."""
        found: Tensor = self.head(representation.fused.summary).float().softmax(dim=-1)[:, 1]
        return found

    def answer(self, representation: Representation) -> Prediction:
        """``match``: the probability that text and image belong together; None in rows that lack one."""
        both = representation.have("text", "image").tolist()
        chances = self.judge(representation).tolist()
        return Prediction({"match": [value if there else None for value, there in zip(chances, both, strict=True)]})
