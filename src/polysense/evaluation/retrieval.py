"""Does a text find its picture, and a picture its text, in the space of the image-text contrast?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import normalize

from polysense.data.media import content_key
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.metrics.retrieval import ranks, recalls
from polysense.objectives.image_text_contrast import ImageTextContrast
from polysense.types import Sample


class Retrieval(Evaluator):
    """``text_to_image_R@1``, ``R@5``, ``R@10`` and ``median_rank``, and the same from image to text, among the samples given.

    A picture (or text) equal to the row's own is right too. Empty for a model that was not trained with ``ImageTextContrast``.
    """

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Encode, project, rank."""
        head = next((one for one in answerer.learner.active.values() if isinstance(one, ImageTextContrast)), None)
        pairs = [sample for sample in samples if sample.text is not None and sample.image is not None]
        if head is None or not pairs:
            return {}
        text = _projected(head.text, answerer.encode(pairs, part="text"))
        image = _projected(head.image, answerer.encode(pairs, part="image"))
        scores = text @ image.T
        same_image = _equal([content_key(pair.image) for pair in pairs])
        same_text = _equal([content_key(pair.text) for pair in pairs])
        return {
            **recalls(ranks(scores, same_image), prefix="text_to_image_"),
            **recalls(ranks(scores.T, same_text), prefix="image_to_text_"),
        }


def _projected(head: torch.nn.Module, vectors: np.ndarray) -> np.ndarray:
    device = next(head.parameters()).device
    with torch.inference_mode():
        projected: np.ndarray = normalize(head(torch.from_numpy(vectors).to(device)), dim=-1).cpu().numpy()
    return projected


def _equal(keys: Sequence[int]) -> np.ndarray:
    column = np.array(keys, dtype=np.int64)
    equal: np.ndarray = column[:, None] == column[None, :]
    return equal
