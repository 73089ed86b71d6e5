"""Sentences as vectors: what the evaluators of sentence embeddings ask a learner for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from polysense.encoders.transformer_text import TransformerText
from polysense.evaluation.evaluator import Answerer, Progress
from polysense.learner import Learner
from polysense.types import Sample


def pooled(learner: Learner) -> dict[str, str]:
    """How a text becomes one vector: ``{"pooling": "mean"}``; empty for a model whose text encoder has no choice."""
    text = learner.model.encoder("text") if "text" in learner.model.encoders else None
    return {"pooling": text.pooling} if isinstance(text, TransformerText) else {}


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
