"""Sentence contrast: SimCSE, without labels and with pairs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from polysense.distributed import gather
from polysense.errors import DataError, RecipeError
from polysense.losses import equal_keys, info_nce
from polysense.objectives.objective import Look, Objective
from polysense.types import Sample, Widths
from polysense.views.stacked import TWICE, Stacked, negatives

NO_DROPOUT = (
    "SentenceContrast, positives: dropout: both passes give a sentence the same vector, so that nothing is pulled together: the text "
    "encoder is frozen, or has no dropout; give it some (encoders.text.dropout=0.1), or pairs (positives: pair)"
)


class SentenceContrast(Objective):
    """Pull two versions of a sentence together, away from the other sentences of the batch.

    ``l_i = -log( e^{cos(z_i, z'_i)/t} / sum_j [ e^{cos(z_i, z'_j)/t} + w^{[i=j]} e^{cos(z_i, n_j)/t} ] )``, mean over i; the sum over
    hard negatives n is there with pairs only, one block for each column of them.
    Reads: text; with ``positives: pair`` also pair and negatives.   Source: SimCSE (EMNLP 2021), equations 1 and 5.
    Relations: ``Grounding`` looks at the same two passes; the released option ``hard_negative_weight`` is the logarithm of ours.

    Args:
        widths: supplied by the build.
        positives: ``dropout``: the same sentence twice, under two draws of dropout; ``pair``: the sentence in the row's ``pair``.
        temperature: t.
        head: compare ``tanh(W h + b)`` instead of h; for training only, embeddings are made without it (unsupervised SimCSE). A head
            that stays, as in supervised SimCSE, belongs to the encoder: ``pooling: cls``.
        hard_negative_weight: w, above 0; 1 leaves each sentence's own hard negative as it is.
        mask_duplicates: equal sentences of a batch are no negatives of each other; hard negatives stay what they are.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text"})
    among_rows: ClassVar[bool] = True

    def __init__(
        self,
        widths: Widths,
        *,
        positives: Literal["dropout", "pair"] = "dropout",
        temperature: float = 0.05,
        head: bool = True,
        hard_negative_weight: float = 1.0,
        mask_duplicates: bool = False,
    ) -> None:
        super().__init__()
        if not temperature > 0:
            raise RecipeError(f"SentenceContrast.temperature must be above 0, found {temperature}")
        if not 0 < hard_negative_weight < math.inf:
            raise RecipeError(f"SentenceContrast.hard_negative_weight must be above 0, found {hard_negative_weight}")
        width = widths["text"]
        self.head = nn.Sequential(nn.Linear(width, width), nn.Tanh()) if head else nn.Identity()
        self.companions = positives == "pair"
        self.temperature = temperature
        self.hard_negative_log_weight = math.log(hard_negative_weight)
        self.mask_duplicates = mask_duplicates
        self._told = False

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """The arguments as they are.

        Raises:
            DataError: pairs are wanted, and no row has one.
        """
        if arguments["positives"] == "pair" and all(sample.pair is None for sample in samples):
            others = sorted({column for sample in samples for column in sample.extra})
            name_it = f"name the column that holds it ({', '.join(others)}), --columns pair=COLUMN; " if others else ""
            raise DataError(
                f"SentenceContrast with positives: pair: no training row has a 'pair'; {name_it}positives: dropout needs none"
            )
        return dict(arguments)

    def forward(self, look: Look) -> Tensor | None:
        """The contrast over the rows that have both versions.

        Warns:
            UserWarning: two draws of dropout are no different; once.
        """
        hard = negatives(look.batch) if self.companions else ()
        if self.companions and "pair" not in look.batch.parts:
            return None
        view = Stacked(("text", "pair", *hard)) if self.companions else TWICE
        shown, seen = look(view)
        text = shown.batch.parts["text"]
        present = text["present"].chunk(2 + len(hard))
        kept = present[0] & present[1]
        vectors = [block[kept] for block in self.head(seen.parts["text"].summary).chunk(2 + len(hard))]
        if self.training and not self.companions and not self._told and len(vectors[0]):
            self._told = True
            if torch.equal(vectors[0], vectors[1]):
                warnings.warn(NO_DROPOUT, stacklevel=2)
        keys = [block[kept] for block in text["key"].chunk(2 + len(hard))[: len(view.texts)]]
        return info_nce(
            vectors[0],
            vectors[1],
            temperature=self.temperature,
            hard_negatives=vectors[2:],
            hard_negative_log_weight=self.hard_negative_log_weight,
            duplicates=self._duplicates(keys[0], keys[1]) if self.mask_duplicates else None,
            present=[block[kept] for block in present[2:]],
        )

    @staticmethod
    def _duplicates(text: Tensor, positive: Tensor) -> Tensor:
        """Rows i and columns j that hold the same: i's sentence is j's, or j's positive; or the positives are equal."""
        return equal_keys(text, positive) | (text.unsqueeze(1) == gather(positive)[0].unsqueeze(0))
