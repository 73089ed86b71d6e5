from __future__ import annotations

import pytest

from polysense.inference.foreign.loading import load_foreign
from polysense.inference.predictor import Predictor


@pytest.fixture(scope="session")
def sentence_model(tiny_text: str) -> Predictor:
    """A tiny text encoder alone, pooled by its mean, on torch in float32."""
    found = load_foreign(tiny_text, pooling="mean")
    assert found is not None
    return Predictor(*found, source=tiny_text, engine="torch", precision="float32")


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    """600 texts of many lengths, some of them equal, one empty."""
    words = ["lovely", "rain", "day", "so", "tired", "of", "this", "7", "!", "ünïcode"]
    return ["", *(" ".join(words[(row * 7 + place) % 10] for place in range(row % 23 + 1)) for row in range(599))]
