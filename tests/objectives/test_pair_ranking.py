"""The ranking of pairs that are read together, and the circle loss."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.made_colours import posts, recipe_of

import tiny
from polysense.data.collate import Collate
from polysense.errors import RecipeError
from polysense.learner import Learner, StepLook
from polysense.losses import circle
from polysense.objectives.pair_ranking import PairRanking
from polysense.types import Batch, Sample
from polysense.views.view import seeded


@pytest.mark.parametrize(
    ("own", "others", "scale", "expected"),
    [
        ([0.8], [0.3, 0.1, 0.6], 1.0, 1.481342),
        ([1.0], [0.0] * 10, 1.0, 2.325438),
        ([1.0], [0.0] * 10, 64.0, 0.058043),
        ([0.0], [1.0] * 10, 1.0, 4.237139),
    ],
)
def test_circle_by_hand(own: list[float], others: list[float], scale: float, expected: float) -> None:
    found = circle(torch.tensor([own]), torch.tensor([others]), margin=0.2, scale=scale)
    assert found.item() == pytest.approx(expected, abs=1e-5)


def by_hand(own: list[float], others: list[float], *, margin: float, scale: float) -> float:
    left = sum(math.exp(scale * max(0.0, n + margin) * (n - margin)) for n in others)
    right = sum(math.exp(-scale * max(0.0, 1 + margin - p) * (p - 1 + margin)) for p in own)
    return math.log(1 + left * right)


def test_circle_is_its_equation_in_loops_and_leaves_rows_without_either_out() -> None:
    draw = torch.Generator().manual_seed(0)
    own, others = torch.rand(6, 2, generator=draw), torch.rand(6, 4, generator=draw)
    own[1, 1] = others[2, 0] = others[2, 3] = -torch.inf
    own[3] = others[4] = -torch.inf
    expected = [
        by_hand([p for p in one.tolist() if p > -1], [n for n in other.tolist() if n > -1], margin=0.2, scale=8.0)
        for row, (one, other) in enumerate(zip(own, others, strict=True))
        if row not in (3, 4)
    ]
    own.requires_grad_()
    found = circle(own, others, margin=0.2, scale=8.0)
    assert found.item() == pytest.approx(sum(expected) / 4, abs=1e-5)
    found.backward()
    assert own.grad is not None
    assert torch.isfinite(own.grad).all()
    assert circle(own, torch.full((6, 1), -torch.inf), margin=0.2, scale=8.0).item() == 0.0


def test_the_gradient_of_circle_takes_its_weights_for_constants() -> None:
    own, others = torch.tensor([[0.6]], requires_grad=True), torch.tensor([[0.3]], requires_grad=True)
    circle(own, others, margin=0.2, scale=4.0).backward()
    a_p, a_n = 1 + 0.2 - 0.6, 0.3 + 0.2
    inner = math.exp(4 * a_n * (0.3 - 0.2)) * math.exp(-4 * a_p * (0.6 - 1 + 0.2))
    assert own.grad is not None
    assert others.grad is not None
    assert own.grad.item() == pytest.approx(-4 * a_p * inner / (1 + inner), abs=1e-5)
    assert others.grad.item() == pytest.approx(4 * a_n * inner / (1 + inner), abs=1e-5)


def in_loops(model: Any, batch: Batch, made: PairRanking, *, seed: int, step: int) -> float:
    """The definition, pair by pair."""
    shown = made.view.show(batch, seeded(made.view, seed=seed, step=step))
    score: dict[tuple[int, int], float] = {}
    for row, which, text, image in zip(
        shown.targets["row"].tolist(),
        shown.targets["which"].tolist(),
        shown.rows["text"].tolist(),
        shown.rows["image"].tolist(),
        strict=True,
    ):
        parts = {
            name: {key: values[[number]] for key, values in batch.parts[name].items()}
            for name, number in (("text", text), ("image", image))
        }
        score[row, which] = made.judge(model(Batch(parts=parts, fields={"index": torch.zeros(1)}))).item()
    count, terms = made.view.count, []
    for first in (1, 1 + count):
        each = []
        for row in range(batch.size):
            others = [score[row, which] for which in range(first, first + count) if (row, which) in score]
            if first > 1:
                others += hard_scores(model, batch, made, row)
            if (row, 0) not in score or not others:
                continue
            if made.loss == "softmax":
                each.append(math.log(1 + sum(math.exp(other - score[row, 0]) for other in others)))
            else:
                chances = [1 / (1 + math.exp(-value)) for value in (score[row, 0], *others)]
                each.append(by_hand(chances[:1], chances[1:], margin=made.margin, scale=made.scale))
        terms.append(sum(each) / len(each))
    return sum(terms) / 2


def hard_scores(model: Any, batch: Batch, made: PairRanking, row: int) -> list[float]:
    found = []
    for name in ("negative.0", "negative.1"):
        if name in batch.parts and bool(batch.parts[name]["present"][row]) and bool(batch.parts["image"]["present"][row]):
            parts = {
                "text": {key: values[[row]] for key, values in batch.parts[name].items()},
                "image": {key: values[[row]] for key, values in batch.parts["image"].items()},
            }
            found.append(made.judge(model(Batch(parts=parts, fields={"index": torch.zeros(1)}))).item())
    return found


@pytest.mark.parametrize("loss", ["softmax", "circle"])
@pytest.mark.parametrize("hard", [False, True])
def test_the_loss_is_its_equation_in_loops(loss: str, hard: bool) -> None:
    model = tiny.model().eval()
    made: PairRanking = tiny.seeded("ranking", PairRanking, tiny.WIDTHS, count=3, loss=loss, scale=4.0).eval()
    parts = {
        "text": tiny.part(7, seed=1, keys=[1, 2, 3, 4, 5, 6, 1]),
        "image": tiny.part(7, seed=2, time=3, keys=[1, 2, 2, 3, 4, 5, 6], there=[True] * 5 + [False, True]),
    }
    if hard:
        parts["negative.0"] = tiny.part(7, seed=3, keys=[*range(10, 17)], there=[True, False, True, True, False, True, True])
        parts["negative.1"] = tiny.part(7, seed=4, keys=[*range(20, 27)], there=[True] + [False] * 6)
    batch = Batch(parts=parts, fields={"index": torch.arange(7)})
    found = made(StepLook(model, batch, seed=2, step=5))
    assert found.item() == pytest.approx(in_loops(model, batch, made, seed=2, step=5), abs=1e-5)


def test_a_negative_that_says_the_same_is_none() -> None:
    made: PairRanking = tiny.seeded("ranking", PairRanking, tiny.WIDTHS).eval()
    parts = {"text": tiny.part(4, seed=1), "image": tiny.part(4, seed=2)}
    same = {"negative.0": {**tiny.part(4, seed=3), "key": parts["text"]["key"]}}
    found = [
        made(StepLook(tiny.model().eval(), Batch(parts={**parts, **more}, fields={"index": torch.arange(4)}), seed=0, step=0))
        for more in ({}, same)
    ]
    assert found[1].item() == pytest.approx(found[0].item(), abs=1e-6)


def test_nothing_to_learn_without_a_pair_and_zero_without_a_partner() -> None:
    made: PairRanking = tiny.seeded("ranking", PairRanking, tiny.WIDTHS)
    parts = {"text": tiny.part(3), "image": tiny.part(3, there=[False] * 3)}
    assert made(StepLook(tiny.model(), Batch(parts=parts, fields={"index": torch.arange(3)}), seed=0, step=0)) is None
    assert made(StepLook(tiny.model(), tiny.batch(1), seed=0, step=0)).item() == 0.0


def trained(networks: Path, **arguments: Any) -> tuple[Learner, Collate, list[Sample]]:
    samples = posts(16)
    objectives = {"ranking": {"class_path": "PairRanking", "init_args": arguments}}
    learner = recipe_of("SingleStream", networks, {"ranking": {"objective": objectives["ranking"]}}, pooling="product").build(
        seed=0
    )
    collate = Collate({name: learner.model.encoder(name) for name in ("text", "image")}, companions=True)
    optimizer = torch.optim.Adam(learner.parameters(), lr=2e-3)
    for _ in range(40):
        optimizer.zero_grad()
        learner(**collate(samples))["loss"].backward()
        optimizer.step()
    return learner.eval(), collate, samples


@pytest.mark.parametrize("loss", ["softmax", "circle"])
def test_it_learns_which_colour_is_shown(networks: Path, loss: str) -> None:
    learner, collate, samples = trained(networks, loss=loss, scale=8.0)
    rows = [replace(one, text=other.text) for one in samples[:8] for other in samples[:8]]
    with torch.inference_mode():
        scores = torch.tensor(learner.answer(Batch.of(collate(rows)))[0].columns["fit"]).reshape(8, 8)
    assert (scores.argmax(dim=1) == torch.arange(8)).float().mean() >= 0.75


def test_a_row_that_lacks_one_has_no_answer() -> None:
    made: PairRanking = tiny.seeded("ranking", PairRanking, tiny.WIDTHS).eval()
    parts = {"text": tiny.part(2), "image": tiny.part(2, there=[True, False])}
    first, second = made.answer(tiny.model()(Batch(parts=parts, fields={"index": torch.arange(2)}))).columns["fit"]
    assert isinstance(first, float)
    assert second is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"count": 0}, "count: expected"), ({"loss": "cirlce"}, "did you mean 'circle'"), ({"scale": 0.0}, "scale: expected")],
)
def test_arguments_that_mean_nothing(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        PairRanking(tiny.WIDTHS, **arguments)
