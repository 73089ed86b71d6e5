from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch

from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.losses import Losses
from polysense.fusion.single import Single
from polysense.learner import Learner, StepLook
from polysense.model import Model
from polysense.objectives.masked_language import MaskedLanguage
from polysense.objectives.sentence_contrast import SentenceContrast
from polysense.types import Batch, Sample


def samples(count: int) -> list[Sample]:
    return [Sample(id=str(row), text=f"the sun and {row} clouds", pair=f"{row} clouds", index=row) for row in range(count)]


@pytest.fixture
def learner(tiny_text: str) -> Learner:
    encoder = TransformerText(tiny_text)
    widths = {"text": encoder.width, "fused": encoder.width, "vocabulary": encoder.vocabulary.size}
    objectives = {"language": MaskedLanguage(widths), "pairs": SentenceContrast(widths, positives="pair")}
    return Learner(
        Model({"text": encoder}, Single({"text": encoder.width})), objectives, {"language": 1.0, "pairs": 1.0}, seed=5
    )


def measured(learner: Learner, rows: Sequence[Sample], **choices: int) -> dict[str, float]:
    return Losses(**choices)(Answerer(learner, Collate({"text": learner.model.encoder("text")})), rows)


def test_each_loss_is_the_mean_over_batches_by_their_rows(learner: Learner) -> None:
    rows = samples(10)
    found = measured(learner, rows, batch_size=4)
    collate = Collate({"text": learner.model.encoder("text")}, companions=True)
    expected = 0.0
    learner.eval()
    with torch.no_grad():
        for step, start in enumerate((0, 4, 8)):
            part = rows[start : start + 4]
            term = learner.objective("pairs")(StepLook(learner.model, Batch.of(collate(part)), seed=5, step=step))
            expected += float(term) * len(part) / 10
    assert found["pairs_loss"] == pytest.approx(expected, rel=1e-5)
    assert found["perplexity"] == pytest.approx(math.exp(found["language_loss"]))


def test_every_call_asks_the_same_and_training_goes_on_as_before(learner: Learner) -> None:
    learner.train()
    step = int(learner.micro_step)
    assert measured(learner, samples(6)) == measured(learner, samples(6))
    assert learner.training
    assert int(learner.micro_step) == step


def test_nothing_is_measured_on_nothing(learner: Learner) -> None:
    assert measured(learner, []) == {}
