from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import tiny
from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.encoders.vision_image import VisionImage
from polysense.evaluation.evaluator import Answerer
from polysense.fusion.concatenation import Concatenation
from polysense.learner import Learner
from polysense.model import Model
from polysense.objectives.classification import Classification
from polysense.objectives.image_text_contrast import ImageTextContrast
from polysense.objectives.image_text_matching import ImageTextMatching
from polysense.types import Sample

TEXTS: list[str | None] = [
    "a long walk home in the rain and not one good word",
    "sun",
    None,
    "a lovely garden",
    "",
    "good morning to the garden",
    "last day",
]


@pytest.fixture(scope="module")
def learner(tiny_text: str, tiny_vision: str) -> Learner:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoders = {"text": TransformerText(tiny_text, piece_rows=2), "image": VisionImage(tiny_vision)}
        widths = {"text": 32, "image": 32}
        fusion = Concatenation(widths)
        objectives = {
            "classification": Classification({**widths, "fused": 32}, labels=["a", "b", "c"]),
            "contrast": ImageTextContrast({**widths, "fused": 32}, shared_width=8),
            "matching": ImageTextMatching({**widths, "fused": 32}),
        }
        return Learner(Model(encoders, fusion), objectives, dict.fromkeys(objectives, 1.0), seed=0).eval()


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    colours = ["red", "green", "blue", None, "white", "black", "orange"]
    pictures = [None if colour is None else Image.new("RGB", (20, 20), colour) for colour in colours]
    return [
        Sample(id=str(number), text=text, image=picture, index=number)
        for number, (text, picture) in enumerate(zip(TEXTS, pictures, strict=True))
    ]


def answerer(learner: Learner, batch_size: int = 64) -> Answerer:
    modalities = {name: learner.model.encoder(name) for name in learner.model.encoders}
    return Answerer(learner, Collate(modalities), batch_size=batch_size)


def numbers(rows: list[dict]) -> np.ndarray:
    def flat(row: dict) -> list[float]:
        rest = [np.nan if row[name] is None else row[name] for name in ("similarity", "match")]
        return [*row["probabilities"].values(), *rest]

    return np.array([flat(row) for row in rows])


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_answers_come_in_the_order_of_the_samples_whatever_the_batch(
    learner: Learner, samples: list[Sample], batch_size: int
) -> None:
    alone = [answerer(learner).predict([sample]).rows()[0] for sample in samples]
    together = answerer(learner, batch_size).predict(samples).rows()
    np.testing.assert_allclose(numbers(together), numbers(alone), atol=1e-5)
    assert len({tuple(row["probabilities"].values()) for row in alone}) == len(samples)
    backwards = answerer(learner, batch_size).predict(samples[::-1]).rows()
    np.testing.assert_allclose(numbers(backwards[::-1]), numbers(alone), atol=1e-5)


def test_rows_that_lack_a_modality_have_no_similarity(learner: Learner, samples: list[Sample]) -> None:
    columns = answerer(learner, 2).predict(samples).columns
    lacking = [sample.text is None or sample.image is None for sample in samples]
    assert [value is None for value in columns["similarity"]] == lacking
    assert [value is None for value in columns["match"]] == lacking


@pytest.mark.parametrize("batch_size", [2, 64])
@pytest.mark.parametrize("name", ["text", "image"])
def test_only_shows_one_modality(learner: Learner, samples: list[Sample], name: str, batch_size: int) -> None:
    found = answerer(learner, batch_size).predict(samples, only=[name]).rows()
    other = "image" if name == "text" else "text"
    stripped = [Sample(**{"id": sample.id, name: getattr(sample, name), other: None}) for sample in samples]
    expected = answerer(learner, 1).predict(stripped).rows()
    np.testing.assert_allclose(numbers(found), numbers(expected), atol=1e-5)
    assert [row["match"] for row in found] == [None] * len(samples)


def test_summaries_come_in_the_order_of_the_samples(learner: Learner, samples: list[Sample]) -> None:
    fused = answerer(learner, 3).encode(samples)
    assert fused.shape == (len(samples), 32)
    assert fused.dtype == np.float32
    for number, sample in enumerate(samples):
        np.testing.assert_allclose(answerer(learner).encode([sample])[0], fused[number], atol=1e-5)
    with_text = [sample for sample in samples if sample.text is not None]
    text = answerer(learner, 3).encode(with_text, part="text")
    encoder = learner.model.encoder("text")
    fields = {**encoder.prepare(with_text), "present": torch.ones(len(with_text), dtype=torch.bool)}
    np.testing.assert_allclose(text, encoder(fields).summary.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_put_back_and_nothing_is_drawn(learner: Learner, samples: list[Sample], training: bool) -> None:
    learner.train(training)
    modes = {name: module.training for name, module in learner.named_modules()}
    stream = torch.random.get_rng_state()
    answerer(learner, 2).predict(samples)
    answerer(learner, 2).encode(samples)
    assert {name: module.training for name, module in learner.named_modules()} == modes
    assert torch.equal(torch.random.get_rng_state(), stream)
    assert not torch.is_inference_mode_enabled()
    learner.eval()


@pytest.mark.parametrize("failing", ["learner", "collate"])
def test_the_mode_is_put_back_when_something_goes_wrong(
    learner: Learner, samples: list[Sample], failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    asked = answerer(learner, 2)
    if failing == "learner":
        monkeypatch.setattr(learner, "answer", fail)
    else:
        monkeypatch.setattr(asked, "collate", fail)
    learner.train()
    with pytest.raises(KeyboardInterrupt) as caught:
        asked.predict(samples)
    assert caught.tb is not None  # the frames of the failure are still alive
    assert not torch.is_inference_mode_enabled()
    assert learner.training
    learner.eval()


def test_progress_counts_rows(learner: Learner, samples: list[Sample]) -> None:
    told: list[tuple[int, int]] = []
    answerer(learner, 3).predict(samples, progress=lambda done, total: told.append((done, total)))
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_no_samples_no_answers(learner: Learner) -> None:
    assert answerer(learner).predict([]).rows() == []
    assert answerer(learner).encode([]).shape == (0, 32)


def test_a_model_of_texts_answers_rows_that_have_none(tiny_text: str, samples: list[Sample]) -> None:
    encoder = TransformerText(tiny_text)
    widths = {"text": 32, "fused": 32}
    objectives = {"classification": Classification(widths, labels=["a", "b"])}
    learner = Learner(Model({"text": encoder}, Concatenation({"text": 32})), objectives, {"classification": 1.0}, seed=0)
    alone = answerer(learner, 1).predict(samples).rows()
    together = answerer(learner).predict(samples).rows()
    for found, expected in zip(together, alone, strict=True):
        assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)


def test_evaluating_between_steps_does_not_change_training(learner: Learner, samples: list[Sample]) -> None:
    def train(*, evaluate: bool) -> dict[str, torch.Tensor]:
        made = tiny.learner({"matching": tiny.seeded("matching", ImageTextMatching, tiny.WIDTHS)}, dropout=0.2).train()
        optimizer = torch.optim.AdamW(made.parameters(), lr=0.01)
        torch.manual_seed(0)
        for step in range(4):
            optimizer.zero_grad()
            made(**tiny.nested(seed=step))["loss"].backward()
            optimizer.step()
            if evaluate:
                answerer(learner, 2).predict(samples)
        return made.state_dict()

    plain, evaluated = train(evaluate=False), train(evaluate=True)
    assert all(torch.equal(evaluated[name], value) for name, value in plain.items())
