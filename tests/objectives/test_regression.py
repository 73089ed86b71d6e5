from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import tiny
from polysense.errors import DataError, RecipeError
from polysense.fusion.concatenation import Concatenation
from polysense.objectives.regression import Regression
from polysense.types import Encoded, Representation, Sample

SCORE = torch.linspace(-3, 3, 8)


def objective(**choices: Any) -> Regression:
    made: Regression = tiny.seeded("regression", Regression, tiny.WIDTHS, **choices)
    return made


def scored(score: torch.Tensor = SCORE) -> dict[str, Any]:
    return tiny.nested(8) | {"score": score}


@pytest.mark.parametrize(
    ("loss", "error"),
    [("l1", abs), ("mse", lambda one: one * one), ("huber", lambda one: one * one / 2 if abs(one) < 1 else abs(one) - 0.5)],
)
def test_the_term_is_the_mean_error_of_the_rows_with_a_score(loss: str, error: Any) -> None:
    made, score = objective(loss=loss), SCORE.clone()
    score[2] = torch.nan
    learner = tiny.learner({"score": made}).eval()
    output = learner(**scored(score))
    answers = learner.answer(tiny.batch(8))[0].columns["score"]
    errors = [error(float(answer) - float(score[row])) for row, answer in enumerate(answers) if row != 2]
    assert float(output["terms"]["score"]) == pytest.approx(sum(errors) / 7, rel=1e-5)
    assert any(abs(float(answer) - float(score[row])) < 1 for row, answer in enumerate(answers))


def test_rows_of_no_score_learn_nothing() -> None:
    learner = tiny.learner({"score": objective()})
    assert learner(**scored(torch.full((8,), torch.nan)))["terms"] == {}
    output = learner(**scored(torch.where(torch.arange(8) == 2, torch.nan, SCORE)))
    output["loss"].backward()
    assert all(bool(value.grad.isfinite().all()) for value in learner.parameters() if value.grad is not None)


def test_its_gradient_lowers_it() -> None:
    learner = tiny.learner({"score": objective(hidden=6)})
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.05)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = learner(**scored())["loss"]
        losses.append(float(loss.detach()))
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0]


def test_on_a_concatenation_it_is_the_head_of_self_mm() -> None:
    """Dropout, Linear, ReLU (what the label generation sees), Linear, ReLU, Linear."""
    fusion, made = Concatenation({"text": 6, "image": 4}, width=5, dropout=0.3), Regression({"fused": 5}, hidden=5)
    parts = {name: torch.randn(3, width, generator=torch.Generator().manual_seed(width)) for name, width in tiny.WIDTHS.items()}
    there = torch.ones(3, dtype=torch.bool)
    encoded = {name: Encoded(parts[name].unsqueeze(1), there.unsqueeze(1), parts[name], there) for name in ("text", "image")}
    layers = nn.Sequential(nn.Dropout(0.3), fusion.mix, nn.ReLU(), *made.head[1:])
    torch.manual_seed(0)
    wanted = layers(torch.cat([parts["text"], parts["image"]], dim=1)).squeeze(1)
    torch.manual_seed(0)
    fused = fusion(encoded)
    assert made.answer(Representation(parts=encoded, fused=fused)).columns["score"] == pytest.approx(wanted.tolist())
    assert [type(layer).__name__ for layer in made.head] == ["Dropout", "Linear", "ReLU", "Linear"]
    assert [type(layer).__name__ for layer in Regression({"fused": 5}).head] == ["Dropout", "Linear"]


def test_answers_keep_to_the_range_of_the_corpus() -> None:
    made = objective(score_range=[-1.0, 1.0])
    summary, there = 50 * torch.randn(20, 6, generator=torch.Generator().manual_seed(0)), torch.arange(20) != 3
    fused = Encoded(summary.unsqueeze(1), there.unsqueeze(1), summary, there)
    answers = made.answer(Representation(parts={}, fused=fused)).columns["score"]
    assert [answer is None for answer in answers] == [row == 3 for row in range(20)]
    assert {-1.0, 1.0} <= set(answers)
    squashed = objective(score_range=[-1.0, 1.0], squash=True)
    for _, answer in zip(range(3), squashed.answer(Representation(parts={}, fused=fused)).columns["score"], strict=False):
        assert -1 <= answer <= 1
    raw = squashed.head(summary).squeeze(1)
    torch.testing.assert_close(squashed._scores(summary), torch.tanh(raw / 2))  # 2 sigmoid(x) - 1


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"score_range: write the lowest and the highest score, found \[3.0, -3.0\]"):
        objective(score_range=[3.0, -3.0])
    with pytest.raises(RecipeError, match="squash: needs a score_range"):
        objective(squash=True)
    samples = [Sample(id="a", text="x", score=2.0), Sample(id="b", text="x", score=4.0, origin="clips.csv, row 2")]
    with pytest.raises(DataError, match=r"clips.csv, row 2, score: 4.0 is outside the recipe's score_range from -3.0 to 3.0"):
        Regression.complete({"score_range": [-3.0, 3.0]}, samples)
    assert Regression.complete({"score_range": None}, samples) == {"score_range": None}
    assert objective().prepare(samples)["score"].tolist() == [2.0, 4.0]
