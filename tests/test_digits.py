"""Grounding on real pixels: only a picture can tell that two names are of one digit.

Each of 1,500 pictures of digits is captioned with one of three invented synonyms in one of four sentences. Sentences alone cannot
say which names mean the same digit; the pictures can, if captions and pictures belong together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from random import Random
from statistics import fmean

import numpy as np
import pytest
import yaml

from polysense.data.features import StoredVector
from polysense.evaluation.matching import area_under_curve
from polysense.inference.predictor import load
from polysense.metrics.geometry import alignment, uniformity
from polysense.training.run import train
from polysense.types import Sample

pytestmark = pytest.mark.slow

NAMES = {
    0: ("zero", "nought", "cipher"), 1: ("one", "ace", "monad"), 2: ("two", "deuce", "dyad"), 3: ("three", "trey", "triad"),
    4: ("four", "quad", "tetrad"), 5: ("five", "quint", "pentad"), 6: ("six", "sextet", "hexad"), 7: ("seven", "septet", "heptad"),
    8: ("eight", "octet", "ogdoad"), 9: ("nine", "nonet", "ennead"),
}  # fmt: skip
SENTENCES = ("a drawing of {}", "this shows {} here", "somebody wrote {} by hand", "the figure {} on paper")
SEEDS = [0, 1, 2]
CHANCE = 0.06
"""How far the mean of three seeds may be from telling nothing. One seed's is judged on the 30 pairs of names of one digit, whose chance
alone has a deviation of about 1 / sqrt(12 * 30) = 0.05."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("digits")
    pictures, labels = load_digits(return_X_y=True)
    draw = Random(0)
    captions = [draw.choice(SENTENCES).format(draw.choice(NAMES[int(label)])) for label in labels[:1540]]
    (folder / "captions.txt").write_text("\n".join(captions), encoding="utf-8")
    np.save(folder / "features.npy", (pictures[:1540] / 16).astype(np.float32))
    np.save(folder / "unseen.npy", (pictures[1540:] / 16).astype(np.float32))
    np.save(folder / "digits_unseen.npy", labels[1540:])
    return folder


@pytest.fixture(scope="module")
def blank_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration and the words of a Transformer of 2 layers, width 64, that has learnt nothing."""
    from transformers import BertConfig, BertTokenizer

    folder = tmp_path_factory.mktemp("blank")
    words = sorted({word for names in NAMES.values() for word in names} | set(" ".join(SENTENCES).replace("{}", "").split()))
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    BertTokenizer(vocab={word: place for place, word in enumerate(vocabulary)}, model_max_length=16).save_pretrained(folder)
    BertConfig(
        vocab_size=len(vocabulary), hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=16,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def trained(
    folder: Path, data: Path, encoder: Path, *, weight: float, epochs: int = 6, seeds: Sequence[int] = SEEDS, **corpus: object
) -> list[dict[str, float]]:
    """Train the seeds and measure: what tells equal digits from different ones, and the shape of the space."""
    objectives: dict[str, object] = {"contrast": {"objective": "SentenceContrast", "weight": 1.0}}
    if weight:
        grounding = {"class_path": "Grounding", "init_args": {"shared_width": 32}}
        objectives["grounding"] = {"objective": grounding, "weight": weight}
    text = {
        "pretrained": str(encoder),
        "weights": "random",
        "pooling": "cls_before_pooler",
        "tokens": "pooled",
        "piece_rows": 0,
    }
    recipe = {
        "encoders": {
            "text": {"class_path": "TransformerText", "init_args": text},
            "image": {"class_path": "StoredFeatures", "init_args": {"width": 64}},
        },
        "fusion": "Single",
        "objectives": objectives,
        "corpora": [
            {"class_path": "CaptionFeatures", "init_args": {"features": "features.npy", "validation": 40, **corpus}},
        ],
        "training": {
            "num_train_epochs": epochs, "per_device_train_batch_size": 64, "learning_rate": 1e-3, "weight_decay": 0.0,
            "max_grad_norm": 1.0, "lr_scheduler_type": "constant", "bf16": False,
            "eval_strategy": "steps", "eval_steps": 10_000,
        },
        "evaluation": {"evaluators": ["Losses"], "best": "last"},
    }  # fmt: skip
    folder.mkdir()
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    train(str(folder / "recipe.yaml"), data, out=folder / "run", seeds=seeds)
    return [
        measured(folder / "run" / f"seed-{seed}") | (named_right(folder / "run" / f"seed-{seed}", data) if weight else {})
        for seed in seeds
    ]


def named_right(model: Path, data: Path) -> dict[str, float]:
    """How often the nearest of all captions names the digit of a picture that nobody has seen."""
    digits = np.load(data / "digits_unseen.npy")
    pictures = [Sample(id=str(row), image=StoredVector(data / "unseen.npy", row)) for row in range(len(digits))]
    captions = [(digit, sentence.format(name)) for digit, names in NAMES.items() for name in names for sentence in SENTENCES]
    loaded = load(model)
    seen = loaded.encode(pictures, shared=True)
    said = loaded.encode([caption for _, caption in captions], shared=True)
    named = np.array([digit for digit, _ in captions])[(seen @ said.T).argmax(axis=1)]
    return {"named": float((named == digits).mean())}


def measured(model: Path) -> dict[str, float]:
    named = [(digit, name, sentence) for digit, names in NAMES.items() for name in names for sentence in SENTENCES]
    vectors = load(model).encode([sentence.format(name) for _, name, sentence in named], normalize=True)
    pairs = [(one, two) for one, two in combinations(range(len(named)), 2) if _fully_different(named[one], named[two])]
    same = np.array([named[one][0] == named[two][0] for one, two in pairs])
    left, right = (vectors[[pair[side] for pair in pairs]] for side in (0, 1))
    cosines = (left * right).sum(axis=1)
    return {
        "auc": area_under_curve(cosines[same], cosines[~same]),
        "alignment": alignment(left, right, keep=same),
        "uniformity": uniformity(vectors),
    }


def mean_auc(seeds: Sequence[dict[str, float]]) -> float:
    return fmean(seed["auc"] for seed in seeds)


def _fully_different(one: tuple[int, str, str], two: tuple[int, str, str]) -> bool:
    return one[1] != two[1] and one[2] != two[2]


@pytest.fixture(scope="module")
def text_alone(data: Path, blank_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    return trained(tmp_path_factory.mktemp("arms") / "text", data, blank_encoder, weight=0.0)


def test_sentences_alone_cannot_know(text_alone: list[dict[str, float]]) -> None:
    assert abs(mean_auc(text_alone) - 0.5) <= CHANCE, text_alone


def test_pictures_tell_at_about_the_same_uniformity(
    text_alone: list[dict[str, float]], data: Path, blank_encoder: Path, tmp_path: Path
) -> None:
    grounded = trained(tmp_path / "grounded", data, blank_encoder, weight=1.0)
    assert all(seed["auc"] >= 0.85 for seed in grounded), grounded
    assert all(seed["named"] >= 0.3 for seed in grounded), grounded
    for before, after in zip(text_alone, grounded, strict=True):
        assert before["alignment"] - after["alignment"] >= 0.3
        assert abs(before["uniformity"] - after["uniformity"]) < 0.5


def test_pictures_of_others_do_not(data: Path, blank_encoder: Path, tmp_path: Path) -> None:
    shuffled = trained(tmp_path / "shuffled", data, blank_encoder, weight=1.0, images="shuffled")
    assert abs(mean_auc(shuffled) - 0.5) <= CHANCE, json.dumps(shuffled)
    assert all(seed["named"] <= 0.2 for seed in shuffled), json.dumps(shuffled)  # one in ten is luck


def test_pictures_of_nothing_do_not(data: Path, blank_encoder: Path, tmp_path: Path) -> None:
    noise = trained(tmp_path / "random", data, blank_encoder, weight=1.0, images="random")
    assert abs(mean_auc(noise) - 0.5) <= CHANCE, json.dumps(noise)


def test_few_pictures_already_tell(data: Path, blank_encoder: Path, tmp_path: Path) -> None:
    """A fifth of the pictures, shown five times as often."""
    few = trained(tmp_path / "few", data, blank_encoder, weight=1.0, epochs=30, seeds=[0], pairs=300)
    assert all(seed["auc"] >= 0.7 for seed in few), json.dumps(few)
