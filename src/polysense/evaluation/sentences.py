"""Sentences as vectors: what the evaluators of sentence embeddings ask a learner for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from polysense.evaluation.evaluator import Answerer, Progress
from polysense.types import Sample


def embed(answerer: Answerer, texts: Sequence[str], *, progress: Progress | None = None) -> np.ndarray:
    """The fused summaries (texts, width) of texts alone, in float32 whatever surrounds it; equal texts are encoded once."""
    distinct = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    device = next(answerer.learner.parameters()).device.type
    with torch.autocast(device, enabled=False):
        samples = [Sample(id=str(place), text=text, index=place) for text, place in distinct.items()]
        vectors = answerer.encode(samples, progress=progress)
    return vectors[[distinct[text] for text in texts]]


def by_task(samples: Sequence[Sample]) -> dict[str | None, list[int]]:
    """The places of each benchmark's samples, which ``extra["task"]`` names; under None those of samples that name none."""
    found: dict[str | None, list[int]] = {}
    for place, sample in enumerate(samples):
        found.setdefault(sample.extra.get("task"), []).append(place)
    return found
