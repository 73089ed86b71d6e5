from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from made_sentiment import REVIEWS, kept
from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.recovery import Recovery
from polysense.fusion.single import Single
from polysense.learner import Learner
from polysense.model import Model
from polysense.objectives.aspect_pair import AspectPair
from polysense.objectives.masked_language import MaskedLanguage
from polysense.objectives.objective import Look, Objective, Recovered, Recovering
from polysense.objectives.sentiment_word import SentimentWord
from polysense.objectives.word_polarity import WordPolarity
from polysense.types import Sample

SAMPLES = [Sample(id=str(row), text=text, index=row) for row, text in enumerate(REVIEWS * 3)]


class Known(Recovering):
    """Knows that what was hidden is of the kinds that it is told, and scores them as it is told."""

    reads: ClassVar[frozenset[str]] = frozenset({"text"})

    def __init__(self, scores: list[list[float]], truth: list[list[int]]) -> None:
        super().__init__()
        self.found = Recovered(torch.tensor(scores), torch.tensor(truth))

    def recover(self, look: Look) -> Recovered:
        del look
        return self.found

    def forward(self, look: Look) -> Tensor | None:
        return None


def measured(tiny_text: str, objectives: dict[str, Objective], samples: list[Sample], **choices: int) -> dict[str, float]:
    encoder = TransformerText(tiny_text)
    model = Model({"text": encoder}, Single({"text": encoder.width}))
    learner = Learner(model, objectives, dict.fromkeys(objectives, 1.0), seed=0)
    return Recovery(**choices)(Answerer(learner, Collate({"text": encoder})), samples)


def test_worked_out_by_hand(tiny_text: str) -> None:
    single = Known([[0.1, 0.9, 0.0], [0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.9, 0.0, 0.0]], [[1], [0], [0], [2]])
    several = Known([[0.0, 5.0, 4.0, 3.0], [9.0, 8.0, 0.0, 1.0]], [[1, 3, -1], [1, 2, 3]])
    found = measured(tiny_text, {"word": single, "pair": several}, SAMPLES[:4], most=2)
    assert found == {
        "word_recall@1": pytest.approx(2 / 4),
        "word_recall@1_frequent": pytest.approx(2 / 4),  # kind 0
        "pair_recall@2": pytest.approx(2 / 5),  # 1 of {1, 3}, and 1 of {1, 2, 3}
        "pair_recall@2_frequent": pytest.approx(4 / 5),  # kinds 1 and 3
    }


def test_every_objective_that_hides_is_asked_and_nothing_hidden_is_no_metric(tiny_text: str, tmp_path: Path) -> None:
    digest = kept(tmp_path / "knowledge")
    encoder = TransformerText(tiny_text)
    widths = {"text": encoder.width, "fused": encoder.width, "vocabulary": encoder.vocabulary.size}
    objectives: dict[str, Objective] = {
        "word": SentimentWord(widths, knowledge=digest),
        "polarity": WordPolarity(widths, knowledge=digest),
        "pair": AspectPair(widths, knowledge=digest),
        "language": MaskedLanguage(widths),
    }
    found = measured(tiny_text, objectives, SAMPLES, batch_size=4)
    names = {f"{name}_recall@{most}" for name, most in (("word", 1), ("polarity", 1), ("pair", 20), ("language", 1))}
    assert found.keys() == names | {f"{name}_frequent" for name in names}
    assert all(0 <= value <= 1 for value in found.values())
    assert found["polarity_recall@1_frequent"] >= 0.5
    assert found == measured(tiny_text, objectives, SAMPLES, batch_size=4)
    assert "pair_recall@20" not in measured(tiny_text, objectives, SAMPLES[3:4])  # that review has no pair
    assert measured(tiny_text, {"language": objectives["language"]}, []) == {}


def test_bad_choices() -> None:
    with pytest.raises(RecipeError, match="at least 1"):
        Recovery(most=0)
