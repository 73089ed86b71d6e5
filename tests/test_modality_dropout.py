"""What modality dropout hides, from whom, and when."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import tiny
from polysense.learner import Learner
from polysense.objectives.classification import Classification
from polysense.objectives.image_text_contrast import ImageTextContrast
from polysense.objectives.image_text_matching import ImageTextMatching
from polysense.objectives.objective import Look, Objective
from polysense.objectives.regression import Regression
from polysense.objectives.unimodal_labels import UnimodalLabels
from polysense.types import Representation
from polysense.views.plain import Plain

CHANCES = {"text": 0.4, "image": 0.4}


class Watching(Objective):
    """Keeps what it sees."""

    reads = frozenset()

    def __init__(self, *, partial: bool) -> None:
        super().__init__()
        self.sees_partial = partial
        self.factor = torch.nn.Parameter(torch.ones(()))
        self.seen: Representation | None = None

    def forward(self, look: Look) -> Tensor:
        _, self.seen = look(Plain())
        return self.factor * self.seen.fused.summary.sum()

    def there(self) -> Tensor:
        assert self.seen is not None
        return torch.stack([self.seen.parts[name].present for name in CHANCES])


def learner(objectives: dict[str, Objective], **choices: Any) -> Learner:
    return Learner(tiny.model(), objectives, dict.fromkeys(objectives, 1.0), seed=3, modality_dropout=CHANCES, **choices)


def test_those_that_ask_see_partial_rows_and_the_others_whole_ones() -> None:
    partly, whole = Watching(partial=True), Watching(partial=False)
    made = learner({"partly": partly, "whole": whole})
    made(**tiny.nested(40))
    assert whole.there().all()
    there = partly.there()
    assert 0.3 < there.float().mean() < 0.9
    assert there.any(dim=0).all(), "one stays"
    assert not there.all(dim=0).all()
    encoder = made.model.encoder("text")
    assert isinstance(encoder, tiny.TextNumbers)
    assert encoder.runs == 1, "encoders run below the drop"


def test_what_is_hidden_is_as_if_it_were_not_there() -> None:
    partly = Watching(partial=True)
    made, rows = learner({"partly": partly}), tiny.nested(40)
    with torch.no_grad():
        for vector in made.model.fusion.placeholders.vectors.values():
            vector.normal_()
    made(**rows)
    assert partly.seen is not None
    for name, there in zip(CHANCES, partly.there(), strict=True):
        rows[name]["present"] = there
    lacking = made.model(tiny.Batch.of(rows))
    assert torch.equal(partly.seen.fused.summary, lacking.fused.summary)


def test_nothing_is_hidden_outside_training() -> None:
    partly = Watching(partial=True)
    made = learner({"partly": partly}).eval()
    made(**tiny.nested(40))
    assert partly.there().all()
    without = Learner(made.model, {"partly": partly}, {"partly": 1.0}, seed=3)
    without(**tiny.nested(40))
    assert partly.there().all()


def test_the_draws_of_a_resumed_training_are_those_of_an_unbroken_one() -> None:
    partly = Watching(partial=True)
    unbroken, drawn = learner({"partly": partly}), []
    for step in range(4):
        unbroken(**tiny.nested(40, seed=step))
        drawn.append(partly.there())
    resumed = learner({"partly": partly})
    resumed.load_state_dict({**resumed.state_dict(), "micro_step": torch.tensor(3)})
    resumed(**tiny.nested(40, seed=3))
    assert torch.equal(partly.there(), drawn[3])
    assert not torch.equal(drawn[2], drawn[3])


def test_objectives_of_pairs_and_of_single_modalities_learn_what_they_learn_without_it() -> None:
    """ITC, ITM and the labels of Self-MM, bit for bit; the objectives that answer from all modalities do not."""
    rows = {**tiny.nested(24), "score": torch.linspace(-2, 2, 24)}
    rows |= {"score_text": torch.full((24,), torch.nan), "score_image": torch.full((24,), torch.nan)}
    terms, labels = [], []
    for chances in ({}, CHANCES):
        objectives = {
            "classification": tiny.seeded("a", Classification, tiny.WIDTHS, labels=["a", "b", "c"], dropout=0.0),
            "regression": tiny.seeded("b", Regression, tiny.WIDTHS),
            "contrast": tiny.seeded("c", ImageTextContrast, tiny.WIDTHS),
            "matching": tiny.seeded("d", ImageTextMatching, tiny.WIDTHS, dropout=0.0),
            "unimodal": tiny.seeded("e", UnimodalLabels, tiny.WIDTHS, hidden=4, limit=2.0, rows=24),
        }
        made = Learner(tiny.model(), objectives, dict.fromkeys(objectives, 1.0), seed=0, modality_dropout=chances)
        for _ in range(4):
            found = made(**rows)["terms"]
        terms.append(found)
        labels.append(objectives["unimodal"].generator.labels["text"])
    assert bool((labels[0] != rows["score"]).any()), "the labels have moved"
    assert torch.equal(*labels)
    whole = {name for name in terms[0] if torch.equal(terms[0][name], terms[1][name])}
    assert whole == {"contrast", "matching", "unimodal"}


@pytest.mark.parametrize("kind", [Classification, Regression])
def test_those_that_answer_from_all_modalities_see_it(kind: type[Objective]) -> None:
    assert kind.sees_partial
