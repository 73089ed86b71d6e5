"""Every objective of the package on every fusion of it: it learns from a batch, or is refused with what it runs on.

A new objective or fusion is in here by being there. An objective that needs arguments, or another one beside it, says so below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from made_colours import posts, recipe_of
from polysense.data.collate import Collate
from polysense.encoders.vision_image import VisionImage
from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion
from polysense.knowledge import Entry, Knowledge, Pair
from polysense.objectives.objective import Objective
from polysense.recipe import Recipe
from polysense.recipe.parts import known, read_part
from polysense.recipe.recipe import Signal
from polysense.types import Sample, Span

FUSIONS, OBJECTIVES = sorted(known(Fusion)), sorted(known(Objective))

KNOWLEDGE = {"knowledge": "knowledge", "share": 0.9}
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "Adversarial": {"of": "beside"},
    "AspectPair": KNOWLEDGE,
    "MaskedLanguage": {"share": 0.5},
    "SentimentWord": KNOWLEDGE,
    "SoftAnswers": {"least": 1},
    "UnimodalLabels": {"warm_up_weight": 0.5},  # at a row's first visit it has no labels yet
    "WordPolarity": KNOWLEDGE,
}
BESIDE = {"Adversarial": "Classification", "UnimodalLabels": "Regression"}
PICTURES: Mapping[str, Mapping[str, Any]] = {"MaskedRegion": {"trainable": False, "cells": 2}}
"""Objective -> arguments of the encoder of pictures."""
ALL_TOKENS = "write encoders.text.tokens: all"


ROWS = 20
"""So many that each side of the scores has more than a quarter of a network's width, which MutualInformationBound needs."""


def rows() -> list[Sample]:
    """Posts that have all that an objective may read."""
    found = []
    for number, post in enumerate(posts(ROWS)):
        colour = str(post.text).split()[1]
        more: dict[str, Any] = {
            "pair": "see a box",
            "negatives": ("a white box",),
            "aspect": "box",
            "spans": (Span(2, 2 + len(colour), "colour"),),
            "score": 0.1 * number * (-1) ** number,
            "scores": {"text": 0.1 * number - 0.4},
            "origin": f"posts.csv, row {number + 1}",
        }
        found.append(replace(post, **more))
    return found


Outcome = Callable[[str, str], str | None]


@pytest.fixture(scope="module")
def outcome(networks: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """``outcome(fusion, objective)``: why the pair is refused; None after a step from which it learned."""
    folder = tmp_path_factory.mktemp("knowledge")
    words = {"red": Entry(1.0, 1), "white": Entry(1.0, 1), "blue": Entry(-1.0, 0)}
    Knowledge(words, {("box", "red"): Pair(2, 1), ("box", "blue"): Pair(2, 0)}).write(folder)
    samples = rows()

    @cache
    def model(fusion: str) -> Recipe:
        return recipe_of(fusion, networks, {})

    @cache
    def signal(name: str, objective: str) -> Signal:
        arguments = dict(ARGUMENTS.get(objective, {}))
        if "knowledge" in arguments:
            arguments["knowledge"] = str(folder)
        written = {"class_path": objective, "init_args": arguments}
        return Signal(read_part(f"objectives.{name}", written, Objective, foreign=None))

    @cache
    def found(fusion: str, objective: str) -> str | None:
        signals = {"asked": signal("asked", objective)}
        if objective in BESIDE:
            signals["beside"] = signal("beside", BESIDE[objective])
        encoders = dict(model(fusion).encoders)
        if objective in PICTURES and encoders["image"].kind is VisionImage:
            encoders["image"] = replace(encoders["image"], arguments={**encoders["image"].arguments, **PICTURES[objective]})
        recipe = replace(model(fusion), encoders=encoders, objectives=signals).complete(samples)
        try:
            learner = recipe.build(seed=0)
            read = {name: learner.model.encoder(name) for name in encoders}
            learned = learner(**Collate(read, learner.preparers, companions=learner.companions)(samples))
        except RecipeError as error:
            return str(error)
        assert set(learned["terms"]) == set(signals)
        assert torch.isfinite(learned["loss"])
        learned["loss"].backward()
        gradients = [one.grad for one in learner.parameters() if one.grad is not None]
        assert gradients
        assert all(torch.isfinite(one).all() for one in gradients)
        assert sum(float(one.abs().sum()) for one in gradients) > 0
        assert all(one.grad is not None for one in learner.objective("asked").parameters() if one.requires_grad)
        return None

    return found


@pytest.mark.filterwarnings("ignore:SentenceContrast, positives")  # the tiny networks have no dropout
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_it_learns_or_says_what_it_runs_on(fusion: str, objective: str, outcome: Outcome) -> None:
    refused = outcome(fusion, objective)
    if refused is None:
        return
    assert objective in refused
    others = [name for name in FUSIONS if name in refused.replace(",", "").replace(":", "").split() and name != fusion]
    if ALL_TOKENS in refused:
        assert known(Fusion)[fusion].borrow is not Fusion.borrow
        others = [name for name in FUSIONS if known(Fusion)[name].borrow is Fusion.borrow]
    assert others, f"the refusal names nothing that it runs on: {refused}"
    assert [outcome(name, objective) for name in others] == [None] * len(others)
