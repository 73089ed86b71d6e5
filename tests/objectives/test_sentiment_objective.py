"""What holds for the three objectives of hidden sentiment together."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch

from made_sentiment import REVIEWS, batch_of, kept
from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, RecipeError
from polysense.fusion.single import Single
from polysense.knowledge import Entry, Knowledge
from polysense.learner import Learner
from polysense.model import Model
from polysense.objectives.aspect_pair import AspectPair
from polysense.objectives.objective import Objective
from polysense.objectives.sentiment_fields import SentimentFields
from polysense.objectives.sentiment_objective import SentimentObjective
from polysense.objectives.sentiment_word import SentimentWord
from polysense.objectives.word_polarity import WordPolarity
from polysense.types import Batch, Sample

KINDS: dict[str, type[SentimentObjective]] = {"word": SentimentWord, "polarity": WordPolarity, "pair": AspectPair}


@pytest.fixture
def digest(tmp_path: Path) -> str:
    return kept(tmp_path / "knowledge")


@pytest.fixture
def encoder(tiny_text: str) -> TransformerText:
    return TransformerText(tiny_text)


def samples(texts: list[str]) -> list[Sample]:
    return [Sample(id=str(number), text=text, index=number) for number, text in enumerate(texts)]


def learner(encoder: TransformerText, **arguments: dict) -> Learner:
    widths = {"text": encoder.width, "vocabulary": encoder.vocabulary.size}
    objectives: dict[str, Objective] = {name: KINDS[name](widths, **choices) for name, choices in arguments.items()}
    model = Model({"text": encoder}, Single({"text": encoder.width}))
    return Learner(model, objectives, dict.fromkeys(objectives, 1.0), seed=0)


def test_three_objectives_of_equal_choices_prepare_once_and_share_one_pass(encoder: TransformerText, digest: str) -> None:
    made = learner(encoder, **{name: {"knowledge": digest} for name in KINDS})
    assert made.preparers == [SentimentFields(encoder, digest)]
    passes = []
    encoder.register_forward_hook(lambda *_: passes.append(1))
    terms = made(**Collate({"text": encoder}, made.preparers)(samples(list(REVIEWS))))["terms"]
    assert set(terms) == set(KINDS)
    assert len(passes) == 1


def test_other_knowledge_and_other_choices_are_kept_apart(encoder: TransformerText, digest: str, tmp_path: Path) -> None:
    other = kept(tmp_path / "other", Knowledge({"garden": Entry(1.0, 1), "houses": Entry(-1.0, 0)}))
    mixed = learner(encoder, word={"knowledge": digest, "share": 0.3}, polarity={"knowledge": other}).eval()
    alone = learner(encoder, polarity={"knowledge": other}).eval()
    alone.load_state_dict(mixed.state_dict(), strict=False)
    rows = samples(list(REVIEWS))
    found, expected = (one(**Collate({"text": encoder}, one.preparers)(rows))["terms"]["polarity"] for one in (mixed, alone))
    assert torch.equal(found, expected)
    assert len(mixed.preparers) == 2


@pytest.mark.parametrize("texts", [["we sat in the garden of houses"], ["good"], [""], ["", "soup"], ["🙂"]])
def test_batches_that_hold_little_have_a_finite_loss_and_no_warning(
    encoder: TransformerText, digest: str, texts: list[str]
) -> None:
    made = learner(encoder, **{name: {"knowledge": digest} for name in KINDS})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        output = made(**Collate({"text": encoder}, made.preparers)(samples(texts)))
        output["loss"].backward()
    assert bool(torch.isfinite(output["loss"]))
    assert all(bool(torch.isfinite(one.grad).all()) for one in made.parameters() if one.grad is not None)
    assert "pair" not in output["terms"]
    assert ("word" in output["terms"]) == any(texts)
    if not output["terms"]:
        assert float(output["loss"].detach()) == 0.0
        assert not any(one.grad.any() for one in made.parameters() if one.grad is not None)


def test_they_learn_what_belongs_together(tiny_text: str, digest: str) -> None:
    encoder = TransformerText(tiny_text, weights="random")
    made = learner(encoder, **{name: {"knowledge": digest} for name in KINDS})
    texts = ["the good soup in the garden of houses", "the bad waiter in the house of gardens"] * 8
    optimizer = torch.optim.AdamW(made.parameters(), lr=3e-3)
    nested, history = Collate({"text": encoder}, made.preparers)(samples(texts)), []
    for _ in range(40):
        optimizer.zero_grad()
        output = made(**nested)
        output["loss"].backward()
        optimizer.step()
        history.append({name: float(term) for name, term in output["terms"].items()})
    for name in KINDS:
        assert sum(step[name] for step in history[-5:]) / 5 < 0.8 * history[0][name]


def test_the_recipe_is_given_a_digest_in_place_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: str
) -> None:
    """Folders are looked for from where the command is given."""
    monkeypatch.chdir(tmp_path)
    for kind in KINDS.values():
        completed = kind.complete({"knowledge": "knowledge", "share": 0.2}, samples(list(REVIEWS)))
        assert completed == {"knowledge": digest, "share": 0.2}
        assert kind.complete(completed, samples(list(REVIEWS))) == completed


def test_what_is_wrong_with_the_knowledge_is_said(encoder: TransformerText, digest: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no folder or file 'nowhere'"):
        SentimentWord.complete({"knowledge": "nowhere"}, samples(list(REVIEWS)))
    with pytest.raises(DataError, match="none of 2 training texts holds a word of the knowledge"):
        SentimentWord.complete({"knowledge": digest}, samples(["das Essen war gut", "we sat", ""]))
    with pytest.raises(RecipeError, match="nothing is named"):
        _ = learner(encoder, word={}).preparers


def test_what_cannot_be_done_is_said(tiny_text: str, digest: str) -> None:
    for wrong in ({"share": 0.0}, {"share": 1.0}, {"most_pairs": -1}):
        with pytest.raises(RecipeError, match="WordPolarity: share lies between 0 and 1, most_pairs from 0 up"):
            WordPolarity({"text": 32}, **wrong)
    pooled = TransformerText(tiny_text, tokens="pooled")
    with pytest.raises(RecipeError, match="SentimentWord needs the states of all tokens"):
        learner(pooled, word={"knowledge": digest}).terms(batch_of(pooled, digest, list(REVIEWS)), step=0)
    frozen = TransformerText(tiny_text, trainable=False)
    with pytest.raises(RecipeError, match="WordPolarity teaches the text encoder"):
        _ = learner(frozen, polarity={"knowledge": digest}).preparers
    unmasked = TransformerText(tiny_text)
    unmasked.tokenizer.mask_token = None
    with pytest.raises(RecipeError, match="AspectPair: the text encoder has no token that masks others"):
        _ = learner(unmasked, pair={"knowledge": digest}).preparers


def test_heads_need_no_knowledge(encoder: TransformerText) -> None:
    made = learner(encoder, word={}, polarity={}, pair={})
    batch = Batch.of(Collate({"text": encoder})(samples(list(REVIEWS))))
    assert made.model(batch).fused.summary.shape == (4, 32)
