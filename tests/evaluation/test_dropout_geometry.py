from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.evaluation.dropout_geometry import PASSES, DropoutGeometry
from polysense.evaluation.evaluator import Answerer
from polysense.fusion.single import Single
from polysense.learner import Learner
from polysense.metrics.geometry import alignment, uniformity
from polysense.model import Model
from polysense.training.run import train
from polysense.types import Sample

WORDS = ("rain", "sun", "wind on the sea", "a man plays", "nothing", "rain in the street", "soup", "bread and salt")
ROWS = [Sample(id=word, text=word, index=place) for place, word in enumerate(WORDS)]


def answerer(pretrained: str, **choices: Any) -> Answerer:
    torch.manual_seed(0)
    encoder = TransformerText(pretrained, pooling="cls_before_pooler", **choices)
    learner = Learner(Model({"text": encoder}, Single({"text": encoder.width})), {}, {}, seed=0)
    return Answerer(learner, Collate({"text": encoder}), batch_size=3)


def test_two_passes_differ_by_dropout_alone(tiny_text: str) -> None:
    asked = answerer(tiny_text)
    first, second, again = (asked.encode(ROWS, dropout=seed) for seed in (*PASSES, PASSES[0]))
    plain = asked.encode(ROWS)
    assert np.array_equal(first, again)
    assert not np.allclose(first, second, atol=1e-3)
    assert not np.allclose(first, plain, atol=1e-3)
    assert DropoutGeometry()(asked, ROWS) == {
        "dropout_alignment": alignment(first, second),
        "dropout_uniformity": uniformity(first),
        "dropout_geometry": alignment(first, second) + uniformity(first),
    }


def test_measuring_leaves_mode_and_generators_alone(tiny_text: str) -> None:
    asked = answerer(tiny_text)
    before = torch.get_rng_state()
    for training in (True, False):
        asked.learner.train(training)
        DropoutGeometry()(asked, ROWS)
        assert asked.learner.training is training
    assert torch.equal(before, torch.get_rng_state())


def test_every_different_sentence_counts_once_and_no_score_is_read(tiny_text: str) -> None:
    asked = answerer(tiny_text)
    paired = [Sample(id=str(place), text=WORDS[2 * place], pair=WORDS[2 * place + 1], score=float(place)) for place in range(4)]
    twice = [*paired, Sample(id="again", text=WORDS[0])]
    assert DropoutGeometry()(asked, twice) == DropoutGeometry()(asked, paired)
    assert DropoutGeometry()(asked, paired) == DropoutGeometry()(asked, ROWS)
    assert DropoutGeometry()(asked, [Sample(id="a", image=Path("a.jpg"))]) == {}


def test_a_frozen_encoder_drops_nothing(tiny_text: str) -> None:
    found = DropoutGeometry()(answerer(tiny_text, trainable=False), ROWS)
    assert found["dropout_alignment"] == 0
    assert found["dropout_geometry"] == found["dropout_uniformity"] < 0


def test_it_chooses_a_checkpoint_without_labels(tiny_text: str, tmp_path: Path) -> None:
    data = tmp_path / "sentences.txt"
    data.write_text("".join(f"{word} on day {day}\n" for word in WORDS for day in range(5)), encoding="utf-8")
    small = [f"encoders.text.pretrained={tiny_text}", "corpora.0.validation=8", "training.per_device_train_batch_size=8"]
    steps = ["training.eval_steps=1", "training.learning_rate=1e-3", "training.bf16=false"]
    for name in ("one", "two"):
        summary = train("mcse/simcse_geometry", data, out=tmp_path / name, overrides=[*small, *steps])
    [result] = summary["per_seed"]
    told = [(tmp_path / name / "seed-0/evaluations.jsonl").read_text() for name in ("one", "two")]
    assert told[0] == told[1]
    values = [float(line.partition('"dropout_geometry": ')[2].partition(",")[0]) for line in told[0].splitlines()]
    assert len(set(values)) == len(values) == 4
    assert result["validation"]["dropout_geometry"] == pytest.approx(min(values))
    assert result["best_step"] == values.index(min(values)) + 1
