"""Chinese from end to end: mined, hidden and recovered, and the encoder taken as a start for labelled reviews."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
import torch

import polysense
from made_reviews import quietly
from polysense.knowledge import Knowledge, Seeds
from polysense.training.run import train

pytest.importorskip("rjieba")

PRAISE = ("精致", "便宜", "漂亮", "干净")
BLAME = ("粗糙", "昂贵", "糟糕", "肮脏")
THINGS = ("味道", "房间", "早餐", "屏幕")


def reviews(count: int, seed: int) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        label, words = draw.choice((("positive", PRAISE), ("negative", BLAME)))
        one, two = draw.sample(THINGS, 2)
        first, second, third = draw.sample(words, 3)
        found.append((f"{one}很{first}，{two}也{second}。真是{third}！", label))
    return found


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a tiny encoder that reads Chinese character by character."""
    from transformers import BertConfig, BertModel, BertTokenizer

    home = tmp_path_factory.mktemp("chinese")
    texts = [text for text, _ in reviews(300, seed=0)]
    seeds = Seeds(("精致", "漂亮"), ("粗糙", "糟糕"))
    quietly(texts, language="zh", seeds=seeds, min_count=5).write(home / "knowledge")
    (home / "reviews.txt").write_text("\n".join(texts[:64]), "utf-8")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set("".join(texts)))]
    BertTokenizer(vocab={piece: place for place, piece in enumerate(pieces)}, model_max_length=64).save_pretrained(
        home / "start"
    )
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(BertConfig(vocab_size=len(pieces), max_position_embeddings=64, **sizes)).save_pretrained(home / "start")
    named = [f"objectives.{name}.objective.knowledge={home / 'knowledge'}" for name in ("word", "polarity", "pair")]
    train(
        "skep/pretrain",
        home / "reviews.txt",
        out=home / "run",
        seeds=[0],
        overrides=[*small(home / "start"), *named, "corpora.0.validation=16"],
    )
    return home


def small(encoder: Path) -> list[str]:
    return [
        f"encoders.text.pretrained={encoder}",
        "encoders.text.max_length=48",
        "training.num_train_epochs=2",
        "training.per_device_train_batch_size=16",
        "training.learning_rate=1.0e-3",
        "training.bf16=false",
    ]


def test_mined_chinese_words_are_hidden_and_recovered(pretrained: Path) -> None:
    knowledge = Knowledge.read(pretrained / "knowledge")
    assert knowledge.language == "zh"
    assert {word: knowledge.words[word].polarity for word in (*PRAISE, *BLAME)} == dict.fromkeys(PRAISE, 1) | dict.fromkeys(
        BLAME, 0
    )
    assert {aspect for aspect, _ in knowledge.pairs} == set(THINGS)
    [found] = json.loads((pretrained / "run/run.json").read_text("utf-8"))["per_seed"]
    assert {"word_recall@1", "polarity_recall@1", "pair_recall@20"} <= set(found["validation"])


def test_chinese_reviews_are_learned_from_that_start_and_predicted(pretrained: Path, tmp_path: Path) -> None:
    with (tmp_path / "labelled.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label", "split"])
        splits = ["train"] * 64 + ["validation"] * 16 + ["test"] * 16
        table.writerows([*row, split] for row, split in zip(reviews(96, seed=1), splits, strict=True))
    train("skep/reviews", tmp_path / "labelled.csv", out=tmp_path / "run", overrides=small(pretrained / "run"))
    text = "味道很便宜，房间也肮脏。"
    [answer] = polysense.load(str(tmp_path / "run")).predict(text, explain=Knowledge.read(pretrained / "knowledge"))
    assert set(answer["probabilities"]) == {"negative", "positive"}
    assert [(text[word["start"] : word["end"]], word["polarity"]) for word in answer["knowledge"]["words"]] == [
        ("便宜", "positive"),
        ("肮脏", "negative"),
    ]
    assert [pair["aspect"] for pair in answer["knowledge"]["pairs"]] == ["味道", "房间"]
