"""Answers on which people disagree: their scores by hand, the loss in loops, the answers that are learned, what is refused."""

from __future__ import annotations

from math import log, sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.made_colours import COLOURS, posts, recipe_of

from polysense.data.collate import Collate
from polysense.errors import DataError, RecipeError
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.soft_accuracy import SoftAccuracy
from polysense.learner import Learner
from polysense.metrics.soft_answers import soft_accuracy, soft_scores
from polysense.objectives import adversarial
from polysense.objectives.soft_answers import SoftAnswers
from polysense.types import Batch, Sample


def test_scores_by_hand() -> None:
    assert soft_scores(["red"] * 4 + ["pink"] * 2 + ["rose"]) == {
        "red": 1.0,
        "pink": pytest.approx(2 / 3),
        "rose": pytest.approx(1 / 3),
    }
    assert soft_accuracy(["pink", "blue"], [["pink", "pink", "red"], ["red"]]) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="at least one row"):
        soft_accuracy([], [])


def questions() -> list[Sample]:
    """What colour is it? Most say the colour, one says something of his own."""
    from dataclasses import replace

    rows = []
    for row, post in enumerate(posts(16)):
        colour = list(COLOURS)[row % len(COLOURS)]
        rows.append(replace(post, text="see a box", label=(*[colour] * 3, f"odd {row}")))
    return [*rows[:15], replace(rows[15], label=None)]


def learner_of(networks: Path, hardened: dict[str, object] | None = None, **arguments: object) -> Learner:
    objectives = {"answers": {"class_path": "SoftAnswers", "init_args": {"least": 1, **arguments}}}
    if hardened is not None:
        objectives["adversarial"] = {"class_path": "Adversarial", "init_args": {"of": "answers", **hardened}}
    recipe = recipe_of("SingleStream", networks, objectives, samples=questions(), pooling="product", dropout=0.0)
    return recipe.build(seed=0)


def batch_of(learner: Learner, samples: list[Sample]) -> Batch:
    encoders = {name: learner.model.encoder(name) for name in learner.model.encoders}
    return Batch.of(Collate(encoders, learner.preparers)(samples))


def test_the_answers_are_those_given_often_enough() -> None:
    found = SoftAnswers.complete({"least": 2, "answers": None}, questions())["answers"]
    assert set(found) == set(COLOURS) - {"orange"}  # one row only
    assert found == sorted(found)  # all the others are as frequent
    with pytest.raises(DataError, match="no answer is given in 9 training rows"):
        SoftAnswers.complete({"least": 9, "answers": None}, questions())
    with pytest.raises(RecipeError, match="complete"):
        SoftAnswers({"fused": 4})


def test_the_head_is_its_equation() -> None:
    torch.manual_seed(0)
    objective = SoftAnswers({"fused": 5}, answers=["yes", "no", "two"])
    with torch.no_grad():
        for parameter in objective.head.parameters():
            parameter.normal_()
    inner, _, norm, outer = objective.head
    assert inner.weight.shape == (10, 5)
    states = torch.randn(4, 5)
    for state, found in zip(states, objective.head(states), strict=True):
        raw = inner.weight @ state + inner.bias
        curved = raw * (1 + torch.erf(raw / sqrt(2))) / 2
        even = (curved - curved.mean()) / (curved.var(correction=0) + norm.eps).sqrt()
        wanted = outer.weight @ (even * norm.weight + norm.bias) + outer.bias
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_the_loss_is_its_equation(networks: Path) -> None:
    learner = learner_of(networks).eval()
    objective: Any = learner.objective("answers")
    samples = questions()
    batch = batch_of(learner, samples)
    with torch.no_grad():
        found = float(learner.terms(batch, step=0)["answers"])
        chances = objective.head(learner.model(batch).fused.summary).sigmoid()
        losses = []
        for row, sample in enumerate(samples):
            if sample.label is not None:
                wanted = soft_scores(sample.label)  # type: ignore[arg-type]
                loss = 0.0
                for place, answer in enumerate(objective.answers):
                    target, chance = wanted.get(answer, 0.0), chances[row, place]
                    loss -= float(target * chance.log() + (1 - target) * (1 - chance).log())
                losses.append(loss)
    assert found == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_hardened_each_answer_stays_right_and_the_same(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step, its shifts kept: the loss where they stand, and how far yes and no of every answer moved, row by row."""
    learner = learner_of(networks, {"steps": 1, "start": 2.0, "radius": None, "agreement": 0.7}).train()
    objective: Any = learner.objective("answers")
    moved: list[Any] = []
    original = adversarial.shifted
    monkeypatch.setattr(adversarial, "shifted", lambda *asked: moved.append(original(*asked)) or moved[-1])
    samples = questions()
    batch = batch_of(learner, samples)
    with torch.no_grad():
        found = learner.terms(batch, step=0)["adversarial"]
        plain = objective.head(learner.model(batch).fused.summary).sigmoid()
        total = 0.0
        for seen in moved:
            chances, rows = objective.head(seen.fused.summary).sigmoid(), []
            for row, sample in enumerate(samples):
                if sample.label is None:
                    continue
                wanted, one = soft_scores(sample.label), 0.0  # type: ignore[arg-type]
                for place, answer in enumerate(objective.answers):
                    p, q, target = float(plain[row, place]), float(chances[row, place]), wanted.get(answer, 0.0)
                    one -= target * log(q) + (1 - target) * log(1 - q)
                    one += 0.7 * ((p - q) * (log(p) - log(q)) + (q - p) * (log(1 - p) - log(1 - q)))
                rows.append(one)
            total += sum(rows) / len(rows)
    assert len(moved) == 2  # words, picture
    assert float(found) == pytest.approx(total, rel=1e-4)


def test_it_learns_to_answer(networks: Path) -> None:
    learner = learner_of(networks, least=2).train()
    batch = batch_of(learner, questions())
    optimizer = torch.optim.AdamW(learner.parameters(), lr=5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        learner(**{**batch.parts, **batch.fields})["loss"].backward()
        optimizer.step()
    answerer = Answerer(learner, Collate({name: learner.model.encoder(name) for name in learner.model.encoders}))
    metrics = SoftAccuracy()(answerer, questions())
    assert metrics == {"soft_accuracy": pytest.approx(1.0, abs=0.15), "rows": 15.0}
    [answer] = answerer.predict(questions()[:1]).rows()
    assert len(answer["probabilities"]) == 3
    assert next(iter(answer["probabilities"])) == answer["label"]
    assert SoftAccuracy()(answerer, questions()[15:]) == {}
