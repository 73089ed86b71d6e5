"""Does a text find its picture, and a picture its text, in a space that an objective shares between them?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from polysense.data.media import content_key
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.metrics.retrieval import ranks, recalls
from polysense.objectives.objective import Aligning
from polysense.types import Sample


class Retrieval(Evaluator):
    """``text_to_image_R@1``, ``R@5``, ``R@10`` and ``median_rank``, and the same from image to text, among the samples given.

    A picture (or text) equal to the row's own is right too. Empty for a model without an objective that aligns text and image,
    as ``ImageTextContrast`` does; of several the first is asked.
    """

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Encode, project, rank."""
        heads = (one for one in answerer.learner.active.values() if isinstance(one, Aligning))
        head = next((one for one in heads if {"text", "image"} <= set(one.aligned)), None)
        pairs = [sample for sample in samples if sample.text is not None and sample.image is not None]
        if head is None or not pairs:
            return {}
        text, image = (_projected(answerer, head, pairs, modality) for modality in ("text", "image"))
        texts, pictures = [content_key(pair.text) for pair in pairs], [content_key(pair.image) for pair in pairs]
        return {
            **recalls(ranks(text, image, wanted=pictures, offered=pictures), prefix="text_to_image_"),
            **recalls(ranks(image, text, wanted=texts, offered=texts), prefix="image_to_text_"),
        }


def _projected(answerer: Answerer, head: Aligning, pairs: Sequence[Sample], modality: str) -> np.ndarray:
    """The rows of one modality in the shared space, (rows, shared width)."""
    summaries = torch.from_numpy(answerer.encode(pairs, part=modality))
    device = next(answerer.learner.parameters()).device
    with torch.inference_mode():
        projected: np.ndarray = head.project(modality, summaries.to(device)).float().cpu().numpy()
    return projected
