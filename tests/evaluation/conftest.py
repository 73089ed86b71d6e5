"""The packaged sentence encoder, where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from polysense.data.collate import Collate
from polysense.encoders.packaged import packaged_status
from polysense.evaluation.evaluator import Answerer
from polysense.fusion.single import Single
from polysense.learner import Learner
from polysense.model import Model


class Remembering(Answerer):
    """Encodes no text twice: several tests measure on the same sentences."""

    def __init__(self, answerer: Answerer) -> None:
        super().__init__(answerer.learner, answerer.collate)
        self.seen: dict[str, np.ndarray] = {}

    def encode(self, samples, *, part=None, progress=None) -> np.ndarray:
        new = [sample for sample in samples if sample.text not in self.seen]
        vectors = super().encode(new, part=part, progress=progress)
        self.seen |= {sample.text: vector for sample, vector in zip(new, vectors, strict=True)}
        return np.stack([self.seen[sample.text] for sample in samples])


def read_minilm(pooling: str) -> Answerer:
    """MiniLM at its full length."""
    if packaged_status()["minilm"] != "ok":
        pytest.skip("the packaged encoder minilm is not installed")
    from polysense.encoders.transformer_text import TransformerText

    encoder = TransformerText("minilm", pooling=pooling, max_length=512)
    learner = Learner(Model({"text": encoder}, Single({"text": encoder.width})), {}, {}, seed=0)
    return Remembering(Answerer(learner, Collate({"text": encoder})))


@pytest.fixture(scope="session")
def minilm() -> Answerer:
    """MiniLM with the mean over its tokens."""
    return read_minilm("mean")


@pytest.fixture(scope="session")
def minilm_by_its_first_state() -> Answerer:
    """MiniLM read by its first state, as it was not trained."""
    return read_minilm("cls_before_pooler")
