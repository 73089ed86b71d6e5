from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from polysense.evaluation.retrieval import Retrieval
from polysense.objectives.image_text_contrast import ImageTextContrast
from polysense.objectives.objective import Aligning, Look
from polysense.types import Sample

COUNT = 12


class SpeechContrast(Aligning):
    """Aligns other modalities, so it is not asked."""

    reads = frozenset({"text", "audio"})
    aligned = ("text", "audio")

    def forward(self, look: Look) -> Tensor | None:
        raise NotImplementedError

    def project(self, modality: str, summaries: Tensor) -> Tensor:
        raise NotImplementedError


class Summaries:
    """Stands for an answerer whose towers give each post its own direction, turned by ``shift`` posts for pictures."""

    def __init__(self, *, shift: int = 0, head: bool = True) -> None:
        contrast = ImageTextContrast({"text": COUNT, "image": COUNT}, shared_width=COUNT)
        with torch.no_grad():
            contrast.text.weight.copy_(torch.eye(COUNT))
            contrast.image.weight.copy_(5 * torch.eye(COUNT))
        active = {"other": object(), "speech": SpeechContrast(), **({"contrast": contrast} if head else {})}
        self.learner = SimpleNamespace(active=active, parameters=contrast.parameters)
        self.shift = shift

    def encode(self, samples: Sequence[Sample], *, part: str) -> np.ndarray:
        places = [int(sample.id) for sample in samples]
        turned = places if part == "text" else [(place + self.shift) % COUNT for place in places]
        return np.eye(COUNT, dtype=np.float32)[turned]


def posts(count: int = COUNT) -> list[Sample]:
    return [
        Sample(id=str(number), text=f"post {number}", image=Image.new("RGB", (4, 4), (number, 0, 0))) for number in range(count)
    ]


def test_all_found() -> None:
    found = Retrieval()(Summaries(), posts())
    for direction in ("text_to_image", "image_to_text"):
        assert [found[f"{direction}_{name}"] for name in ("R@1", "R@5", "R@10", "median_rank")] == [1.0, 1.0, 1.0, 1.0]


def test_none_found_and_ties_count_against_it() -> None:
    """Every picture stands where its neighbour's text is: one item scores 1, the right one ties with the other ten at 0."""
    found = Retrieval()(Summaries(shift=1), posts())
    assert found["text_to_image_R@10"] == found["image_to_text_R@10"] == 0.0
    assert found["text_to_image_median_rank"] == COUNT


@pytest.mark.parametrize("same", ["text", "image"])
def test_an_equal_picture_or_text_is_right_too(same: str) -> None:
    rows = posts(2)
    if same == "image":
        rows[1] = Sample(id="1", text="post 1", image=rows[0].image)
    else:
        rows[1] = Sample(id="1", text="Post  0", image=rows[1].image)
    found = Retrieval()(Summaries(shift=1), rows)
    assert found["text_to_image_R@1"] == (1.0 if same == "image" else 0.0)
    assert found["image_to_text_R@1"] == (1.0 if same == "text" else 0.0)


def test_nothing_to_say_without_a_head_or_without_pairs() -> None:
    assert Retrieval()(Summaries(head=False), posts()) == {}
    assert Retrieval()(Summaries(), [Sample(id="0", text="x")]) == {}
