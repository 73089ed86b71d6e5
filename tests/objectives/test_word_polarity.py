from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from made_look import FixedLook
from made_sentiment import REVIEWS, batch_of, kept, view_of
from polysense.encoders.transformer_text import TransformerText
from polysense.fusion.single import Single
from polysense.learner import StepLook
from polysense.model import Model
from polysense.objectives.word_polarity import WordPolarity
from polysense.views.masked import KEPT


@pytest.fixture
def digest(tmp_path: Path) -> str:
    return kept(tmp_path / "knowledge")


@pytest.fixture
def model(tiny_text: str) -> Model:
    encoder = TransformerText(tiny_text)
    return Model({"text": encoder}, Single({"text": encoder.width})).eval()


def test_the_loss_is_the_cross_entropy_of_the_polarities(model: Model, digest: str) -> None:
    objective = WordPolarity({"text": 32}, knowledge=digest)
    encoder = model.encoder("text")
    rows = batch_of(encoder, digest, list(REVIEWS))
    found = objective(StepLook(model, rows, seed=1, step=4))
    shown, seen = StepLook(model, rows, seed=1, step=4)(view_of(encoder, digest))
    terms = []
    for row, place in torch.nonzero(shown.targets["polarity"] != KEPT).tolist():
        logits = objective.head.weight @ seen.parts["text"].states[row, place] + objective.head.bias
        terms.append(torch.logsumexp(logits, 0) - logits[shown.targets["polarity"][row, place]])
    assert len(terms) > 4
    torch.testing.assert_close(found, torch.stack(terms).mean())


def test_padding_and_the_order_of_rows_change_nothing_and_only_targets_have_gradients(model: Model, digest: str) -> None:
    objective, encoder = WordPolarity({"text": 32}, knowledge=digest), model.encoder("text")
    states = torch.randn(3, 5, 32, requires_grad=True)
    polarity = torch.full((3, 5), KEPT)
    polarity[0, 1], polarity[0, 2], polarity[2, 4] = 1, 0, 1
    loss = objective(FixedLook(encoder, states, {"polarity": polarity}))
    (gradient,) = torch.autograd.grad(loss, states)
    assert torch.equal(gradient.abs().sum(dim=2) > 0, polarity != KEPT)
    longer = nn.functional.pad(states, (0, 0, 0, 4), value=3.0)
    padded = objective(FixedLook(encoder, longer, {"polarity": nn.functional.pad(polarity, (0, 4), value=KEPT)}))
    turned = objective(FixedLook(encoder, states.flip(0), {"polarity": polarity.flip(0)}))
    torch.testing.assert_close(padded, loss)
    torch.testing.assert_close(turned, loss)


@pytest.mark.parametrize("rows", [["", ""], ["we sat in the garden"]])
def test_texts_without_sentiment_words_have_no_term(model: Model, digest: str, rows: list[str]) -> None:
    objective = WordPolarity({"text": 32}, knowledge=digest)
    assert objective(StepLook(model, batch_of(model.encoder("text"), digest, rows), seed=0, step=0)) is None
