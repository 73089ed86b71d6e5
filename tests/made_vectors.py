"""An answerer that stands for a sentence encoder: every text has its own made vector."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import numpy as np
import torch

from polysense.types import Sample


class Vectors:
    """``known`` gives the vectors (width,) of texts; those of others are drawn from the text itself.

    ``asked`` lists the texts that it was asked for.
    """

    def __init__(self, known: Mapping[str, Sequence[float]] | None = None, *, width: int = 6) -> None:
        self.known = {text: np.asarray(vector, dtype=np.float32) for text, vector in (known or {}).items()}
        self.width = width
        self.asked: list[str] = []
        self.autocast: list[bool] = []
        self.learner = SimpleNamespace(parameters=lambda: iter([torch.zeros(1)]))

    def encode(self, samples: Sequence[Sample], *, progress: object = None) -> np.ndarray:
        texts = [sample.text or "" for sample in samples]
        assert all(sample.modalities == ("text",) and sample.pair is None for sample in samples)
        self.asked += texts
        self.autocast.append(torch.is_autocast_enabled("cpu"))
        return np.stack([self.vector(text) for text in texts])

    def vector(self, text: str) -> np.ndarray:
        if text in self.known:
            return self.known[text]
        return np.random.default_rng(zlib.crc32(text.encode())).normal(size=self.width).astype(np.float32)
