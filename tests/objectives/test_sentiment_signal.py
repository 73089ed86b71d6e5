"""What the objectives of hidden sentiment are for: a model that trained with them tells what is hidden from what is left."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizer

from made_sentiment import ASPECTS, KNOWLEDGE, NEGATIVE, POSITIVE, kept
from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.recovery import Recovery
from polysense.fusion.single import Single
from polysense.knowledge import Entry, Knowledge
from polysense.learner import Learner
from polysense.model import Model
from polysense.objectives.sentiment_word import SentimentWord
from polysense.objectives.word_polarity import WordPolarity
from polysense.types import Sample

OTHERS = ("the", "was", "and", "we", "sat", "in", "a", "garden", "of", "houses", ",", ".")
STEPS = 200


def reviews(count: int, seed: int) -> list[Sample]:
    """Each praises throughout or blames throughout, so that what is hidden of it can be told from what is left."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        one, two, three, four = draw.choices([word for word in draw.choice((POSITIVE, NEGATIVE)) if "-" not in word], k=4)
        first, second = draw.sample(ASPECTS[:3], 2)
        text = f"the {first} was {one} and {two} , we sat in a {three} garden of {four} houses . the {second} was there"
        found.append(Sample(id=str(number), text=text, index=number))
    return found


def write_encoder(folder: Path) -> str:
    """A random BERT whose tokens are whole words."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *OTHERS, *ASPECTS, *POSITIVE, *NEGATIVE]
    BertTokenizer(vocab={piece: place for place, piece in enumerate(pieces)}, model_max_length=64).save_pretrained(folder)
    shape = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "initializer_range": 0.1,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(BertConfig(vocab_size=len(pieces), max_position_embeddings=64, **shape)).save_pretrained(folder)
    return str(folder)


def recovered(folder: Path, knowledge: Knowledge) -> dict[str, float]:
    """Of the hidden words of unseen reviews, after some steps with the knowledge."""
    digest = kept(folder / "knowledge", knowledge)
    encoder = TransformerText(write_encoder(folder / "encoder"))
    widths = {"text": encoder.width, "vocabulary": encoder.vocabulary.size}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        objectives = {
            "word": SentimentWord(widths, knowledge=digest),
            "polarity": WordPolarity(widths, knowledge=digest),
        }
        learner = Learner(
            Model({"text": encoder}, Single({"text": encoder.width})), objectives, {"word": 1.0, "polarity": 1.0}, seed=0
        )
        collate, training = Collate({"text": encoder}, learner.preparers), reviews(256, seed=0)
        optimizer = torch.optim.AdamW(learner.parameters(), lr=5e-3)
        for step in range(STEPS):
            optimizer.zero_grad()
            at = step * 32 % len(training)
            learner(**collate(training[at : at + 32]))["loss"].backward()
            optimizer.step()
    return Recovery()(Answerer(learner.eval(), Collate({"text": encoder}, learner.preparers)), reviews(128, seed=1))


def test_hidden_polarity_and_words_are_told_from_what_is_left(tmp_path: Path) -> None:
    found = recovered(tmp_path, KNOWLEDGE)
    assert found["polarity_recall@1"] > found["polarity_recall@1_frequent"] + 0.3
    assert found["word_recall@1"] > found["word_recall@1_frequent"] + 0.05


def test_polarities_that_nothing_in_a_text_tells_are_not_told(tmp_path: Path) -> None:
    """The control: half of the words of each side are said to be of the other, so that what is left tells nothing."""
    turned = {"good", "splendid", "bad", "cold"}
    sides = {word: int((word in POSITIVE) != (word in turned)) for word in (*POSITIVE, *NEGATIVE)}
    found = recovered(tmp_path, Knowledge({word: Entry(2.0 * side - 1.0, side) for word, side in sides.items()}))
    assert found["polarity_recall@1"] < found["polarity_recall@1_frequent"] + 0.15
