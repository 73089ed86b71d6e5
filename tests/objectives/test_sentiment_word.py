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
from polysense.objectives.sentiment_word import SentimentWord
from polysense.views.masked import KEPT


@pytest.fixture
def digest(tmp_path: Path) -> str:
    return kept(tmp_path / "knowledge")


@pytest.fixture
def model(tiny_text: str) -> Model:
    encoder = TransformerText(tiny_text)
    return Model({"text": encoder}, Single({"text": encoder.width})).eval()


def widths(model: Model) -> dict[str, int]:
    return {"text": 32, "vocabulary": model.encoder("text").vocabulary.size}


@pytest.mark.parametrize("tied", [True, False])
def test_the_loss_is_the_cross_entropy_of_the_hidden_words(model: Model, digest: str, tied: bool) -> None:
    objective = SentimentWord(widths(model), knowledge=digest, tied=tied)
    encoder, head = model.encoder("text"), objective.head
    rows = batch_of(encoder, digest, list(REVIEWS))
    found = objective(StepLook(model, rows, seed=1, step=4))
    shown, seen = StepLook(model, rows, seed=1, step=4)(view_of(encoder, digest))
    table = encoder.backbone.embeddings.word_embeddings.weight if tied else head.decoder.weight
    terms = []
    for row, place in torch.nonzero(shown.targets["original"] != KEPT).tolist():
        inner = nn.functional.gelu(head.transform[0].weight @ seen.parts["text"].states[row, place] + head.transform[0].bias)
        normed = (inner - inner.mean()) / (inner.var(unbiased=False) + 1e-5).sqrt()
        logits = table @ normed + head.bias  # a new layer norm neither scales nor shifts
        terms.append(-logits.log_softmax(0)[shown.targets["original"][row, place]])
    assert len(terms) >= len(REVIEWS)
    torch.testing.assert_close(found, torch.stack(terms).mean())


def test_the_head_begins_without_a_shift(model: Model) -> None:
    norm = SentimentWord(widths(model)).head.transform[2]
    assert isinstance(norm, nn.LayerNorm)
    assert not norm.bias.any()


def test_padding_and_the_order_of_rows_change_nothing_and_only_targets_have_gradients(model: Model, digest: str) -> None:
    objective, encoder = SentimentWord(widths(model), knowledge=digest), model.encoder("text")
    states = torch.randn(3, 5, 32, requires_grad=True)
    original = torch.full((3, 5), KEPT)
    original[0, 1], original[0, 2], original[2, 4] = 7, 9, 11
    loss = objective(FixedLook(encoder, states, {"original": original}))
    (gradient,) = torch.autograd.grad(loss, states)
    assert torch.equal(gradient.abs().sum(dim=2) > 0, original != KEPT)
    longer = nn.functional.pad(states, (0, 0, 0, 4), value=3.0)
    padded = objective(FixedLook(encoder, longer, {"original": nn.functional.pad(original, (0, 4), value=KEPT)}))
    turned = objective(FixedLook(encoder, states.flip(0), {"original": original.flip(0)}))
    torch.testing.assert_close(padded, loss)
    torch.testing.assert_close(turned, loss)


def test_texts_without_tokens_have_no_term(model: Model, digest: str) -> None:
    objective = SentimentWord(widths(model), knowledge=digest)
    assert objective(StepLook(model, batch_of(model.encoder("text"), digest, ["", ""]), seed=0, step=0)) is None
