from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.made_colours import posts, recipe_of

from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.fusion.single import Single
from polysense.learner import Learner, StepLook
from polysense.model import Model
from polysense.objectives.masked_language import MaskedLanguage
from polysense.types import Batch, Sample
from polysense.views.masked import KEPT, Masked

TEXTS = ["the sun is warm and the sea is wide", "a rainy day with grey clouds over the town", "sun"]


def model(tiny_text: str, **choices) -> Model:
    encoder = TransformerText(tiny_text, **choices)
    return Model({"text": encoder}, Single({"text": encoder.width}))


def widths(made: Model) -> dict[str, int]:
    encoder = made.encoder("text")
    assert isinstance(encoder, TransformerText)
    return {"text": encoder.width, "fused": encoder.width, "vocabulary": encoder.vocabulary.size}


def batch(made: Model, texts: list[str]) -> Batch:
    samples = [Sample(id=str(number), text=text, index=number) for number, text in enumerate(texts)]
    return Batch.of(Collate({"text": made.encoder("text")})(samples))


@pytest.mark.parametrize("tied", [True, False])
def test_the_loss_is_the_cross_entropy_of_the_hidden_tokens(tiny_text: str, tied: bool) -> None:
    made = model(tiny_text).eval()
    objective, rows = MaskedLanguage(widths(made), tied=tied), batch(made, TEXTS)
    found = objective(StepLook(made, rows, seed=1, step=4))
    encoder = made.encoder("text")
    shown, seen = StepLook(made, rows, seed=1, step=4)(Masked(encoder.vocabulary))
    table = encoder.backbone.embeddings.word_embeddings.weight if tied else objective.head.decoder.weight
    terms = []
    for row, place in torch.nonzero(shown.targets["original"] != KEPT).tolist():
        logits = table @ objective.head.transform(seen.parts["text"].states[row, place]) + objective.head.bias
        terms.append(-logits.log_softmax(0)[shown.targets["original"][row, place]])
    assert len(terms) > 2
    torch.testing.assert_close(found, torch.stack(terms).mean())


@pytest.mark.parametrize("beside", [True, False])
@torch.no_grad()
def test_hidden_words_are_guessed_from_the_picture_if_asked(networks: Path, beside: bool) -> None:
    language = {"class_path": "MaskedLanguage", "init_args": {"share": 0.5, "beside": beside}}
    learner = recipe_of("SingleStream", networks, {"language": language}).build(seed=0).eval()
    collate = Collate({name: learner.model.encoder(name) for name in learner.model.encoders})
    samples = posts(4)
    others = [replace(one, image=other.image) for one, other in zip(samples, samples[::-1], strict=True)]
    objective = learner.objective("language")
    assert isinstance(objective, MaskedLanguage)
    found, changed = (objective.recover(learner.look(Batch.of(collate(rows)), step=1)) for rows in (samples, others))
    assert torch.equal(found.truth, changed.truth)
    assert bool(((found.scores - changed.scores).abs().amax(dim=1) > 1e-3).all()) == beside
    assert torch.equal(found.scores, changed.scores) != beside


def test_it_learns_which_words_stand_together(tiny_text: str) -> None:
    made = model(tiny_text, weights="random")
    learner = Learner(made, {"language": MaskedLanguage(widths(made), longest_span=1)}, {"language": 1.0}, seed=0)
    samples = [Sample(id=str(number), text=TEXTS[number % 2], index=number) for number in range(16)]
    nested = Collate({"text": made.encoder("text")})(samples)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = learner(**nested)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) / 5 < 0.5 * losses[0]


def test_texts_too_short_to_hide_anything_have_no_term(tiny_text: str) -> None:
    made = model(tiny_text)
    assert MaskedLanguage(widths(made))(StepLook(made, batch(made, ["a", ""]), seed=0, step=0)) is None


def test_what_it_cannot_do_is_said(tiny_text: str) -> None:
    pooled = model(tiny_text, tokens="pooled")
    with pytest.raises(RecipeError, match="tokens: all"):
        MaskedLanguage(widths(pooled))(StepLook(pooled, batch(pooled, TEXTS), seed=0, step=0))
    with pytest.raises(RecipeError, match="share"):
        MaskedLanguage(widths(pooled), share=1.5)
    frozen = model(tiny_text, trainable=False)
    with pytest.raises(RecipeError, match="MaskedLanguage teaches the text encoder"):
        MaskedLanguage(widths(frozen))(StepLook(frozen, batch(frozen, TEXTS), seed=0, step=0))
    unmasked = model(tiny_text)
    unmasked.encoder("text").tokenizer.mask_token = None
    with pytest.raises(RecipeError, match="no token that masks others"):
        MaskedLanguage(widths(unmasked))(StepLook(unmasked, batch(unmasked, TEXTS), seed=0, step=0))
