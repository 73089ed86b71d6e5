"""The shape of the space of sentence embeddings where nothing is labelled: two draws of dropout stand for two sentences alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch

from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.metrics.geometry import alignment, uniformity
from polysense.seeds import seed_from
from polysense.types import Sample

PASSES = (seed_from("dropout geometry", 0), seed_from("dropout geometry", 1))
"""The seeds of the two draws: the same at every evaluation, so that checkpoints are compared under the same dropout."""


class DropoutGeometry(Evaluator):
    """``dropout_alignment``, ``dropout_uniformity`` and their sum ``dropout_geometry``; lower is better for all.

    Each different sentence of the rows, of ``text`` and of ``pair``, is embedded twice under dropout, as in training. Alignment is
    the mean squared distance of the normalised pairs, uniformity the log of the mean Gaussian potential between the sentences of
    the first pass (Wang and Isola, ICML 2020). Both are what the contrast of SimCSE strives for, without a label: ``best:
    dropout_geometry``, ``greater_is_better: false`` chooses a checkpoint by unlabelled text. The scores of pairs are not read.

    A text encoder that is frozen or has no dropout gives equal pairs: its alignment is 0, and its sum chooses by uniformity alone.
    """

    before_training: ClassVar[bool] = True

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Embed twice, compare; empty where no row has a text."""
        texts = dict.fromkeys(text for sample in samples for text in (sample.text, sample.pair) if text is not None)
        if not texts:
            return {}
        rows = [Sample(id=str(place), text=text, index=place) for place, text in enumerate(texts)]
        device = next(answerer.learner.parameters()).device.type
        with torch.autocast(device, enabled=False):
            first, second = (answerer.encode(rows, dropout=seed) for seed in PASSES)
        aligned, uniform = alignment(first, second), uniformity(first)
        return {"dropout_alignment": aligned, "dropout_uniformity": uniform, "dropout_geometry": aligned + uniform}
