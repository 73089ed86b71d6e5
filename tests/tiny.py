"""The smallest models: encoders of one linear layer over made-up numbers, so that a test sees every number that moves."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from polysense.encoders.encoder import Encoder
from polysense.fusion.concatenation import Concatenation
from polysense.fusion.cross_attention import CrossAttention
from polysense.fusion.fusion import Fusion
from polysense.learner import Learner
from polysense.model import Model
from polysense.objectives.objective import Objective
from polysense.types import Batch, Fields, Sample

READS = 5
"""Numbers that a state is made of."""


class Numbers(Encoder):
    """``numbers`` (batch, time, 5) through dropout and one linear layer; counts how often it is run."""

    def __init__(self, width: int = 6, *, dropout: float = 0.0, trainable: bool = True) -> None:
        super().__init__(trainable=trainable)
        self.width = width
        self.layer = nn.Sequential(nn.Dropout(dropout), nn.Linear(READS, width))
        self.runs = 0
        self.freeze()

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        raise NotImplementedError

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        self.runs += 1
        states = self.layer(fields["numbers"])
        return states, torch.ones(states.shape[:2], dtype=torch.bool), states.mean(dim=1)

    def save_assets(self, folder: Path) -> None:
        raise NotImplementedError

    def preprocessing(self) -> str:
        return ""


class TextNumbers(Numbers):
    modality: ClassVar[str] = "text"


class ImageNumbers(Numbers):
    modality: ClassVar[str] = "image"


def part(
    rows: int, *, seed: int = 0, time: int = 2, there: Sequence[bool] | None = None, keys: Sequence[int] | None = None
) -> dict[str, Tensor]:
    """A modality of a batch; every row its own content unless ``keys`` says otherwise."""
    generator = torch.Generator().manual_seed(seed)
    return {
        "numbers": torch.randn(rows, time, READS, generator=generator),
        "present": torch.tensor([True] * rows if there is None else list(there)),
        "key": torch.tensor(list(range(1, rows + 1)) if keys is None else list(keys)),
    }


def nested(rows: int = 8, *, labels: Sequence[int] | None = None, seed: int = 0) -> dict[str, Any]:
    """A batch of ``rows`` rows with text, picture and one of three labels."""
    chosen = [row % 3 for row in range(rows)] if labels is None else list(labels)
    return {
        "text": part(rows, seed=2 * seed + 1),
        "image": part(rows, seed=2 * seed + 2, time=3),
        "label": torch.tensor(chosen),
        "index": torch.arange(rows),
    }


def batch(rows: int = 8, *, seed: int = 0) -> Batch:
    """:func:`nested` as a batch."""
    return Batch.of(nested(rows, seed=seed))


def model(*, fusion: str = "Concatenation", dropout: float = 0.0, image_trainable: bool = True) -> Model:
    """A text tower of width 6, a picture tower of width 4, and a fusion."""
    encoders = {
        "text": seeded("text", TextNumbers, 6, dropout=dropout),
        "image": seeded("image", ImageNumbers, 4, dropout=dropout, trainable=image_trainable),
    }
    kinds: dict[str, type[Fusion]] = {"Concatenation": Concatenation, "CrossAttention": CrossAttention}
    return Model(encoders, seeded("fusion", kinds[fusion], {"text": 6, "image": 4}))


WIDTHS = {"text": 6, "image": 4, "fused": 6}
"""Of :func:`model`."""


def learner(
    objectives: Mapping[str, Objective], weights: Mapping[str, float] | None = None, *, seed: int = 0, **choices: Any
) -> Learner:
    """A learner over :func:`model`; every weight 1 unless given."""
    return Learner(model(**choices), objectives, weights or dict.fromkeys(objectives, 1.0), seed=seed)


def seeded(name: str, kind: Any, *arguments: Any, **options: Any) -> Any:
    """A part whose start depends on its name alone."""
    with torch.random.fork_rng():
        torch.manual_seed(zlib.crc32(name.encode()))
        return kind(*arguments, **options)
