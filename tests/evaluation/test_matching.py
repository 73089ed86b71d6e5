from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from polysense.data.media import content_key
from polysense.encoders.transformer_text import TransformerText
from polysense.evaluation.matching import Matching, area_under_curve, mismatched
from polysense.types import Prediction, Sample


class Reads:
    """Stands for an encoder that reads nothing but its modality."""

    def __init__(self, modality: str) -> None:
        self.modality = modality

    def key(self, sample: Sample) -> int:
        return content_key(getattr(sample, self.modality))

    def exchanged(self, sample: Sample, source: Sample) -> Sample:
        return replace(sample, **{self.modality: getattr(source, self.modality)})


READERS = Reads("text"), Reads("image")


class Answers:
    """Stands for an answerer: the probability of a match as a function of the pair."""

    def __init__(self, chance: Callable[[Sample], float] | None) -> None:
        self.chance = chance
        self.learner = SimpleNamespace(model=SimpleNamespace(encoder=Reads))

    def predict(self, samples: Sequence[Sample]) -> Prediction:
        if self.chance is None:
            return Prediction({"label": ["a"] * len(samples)})
        return Prediction({"match": [self.chance(sample) for sample in samples]})


def picture(number: int) -> Image.Image:
    return Image.new("RGB", (4, 4), (number, 0, 0))


def posts(count: int = 12) -> list[Sample]:
    return [Sample(id=str(number), text=f"post {number}", image=picture(number)) for number in range(count)]


def belongs(sample: Sample) -> bool:
    return sample.text == f"post {sample.id}"


def test_a_head_that_knows_and_one_that_does_not() -> None:
    knows = Matching()(Answers(lambda sample: 0.9 if belongs(sample) else 0.2), posts())
    assert knows == {"matching_accuracy": 1.0, "matching_auc": 1.0}
    always = Matching()(Answers(lambda sample: 0.9), posts())
    assert always == {"matching_accuracy": 0.5, "matching_auc": 0.5}
    turned = Matching()(Answers(lambda sample: 0.2 if belongs(sample) else 0.9), posts())
    assert turned == {"matching_accuracy": 0.0, "matching_auc": 0.0}


def test_kept_and_exchanged_pairs_count_equally() -> None:
    """Three own texts, all found; two exchanged ones (row a has no partner), one found."""
    rows = [
        Sample(id="a", text="x", image=picture(1)),
        Sample(id="b", text="x", image=picture(2)),
        Sample(id="c", text="y", image=picture(1)),
    ]
    found = Matching()(Answers(lambda sample: 0.1 if (sample.id, sample.text) == ("c", "x") else 0.9), rows)
    assert found["matching_accuracy"] == pytest.approx((3 / 3 + 1 / 2) / 2)


def test_nothing_to_say_without_a_head_or_without_two_different_posts() -> None:
    assert Matching()(Answers(None), posts()) == {}
    assert Matching()(Answers(lambda sample: 0.9), []) == {}
    assert Matching()(Answers(lambda sample: 0.9), posts(1)) == {}
    lacking = [Sample(id="1", text="one"), Sample(id="2", image=picture(1)), *posts(1)]
    assert Matching()(Answers(lambda sample: 0.9), lacking) == {}


def test_every_row_takes_a_text_that_is_not_its_own_and_keeps_its_picture() -> None:
    rows = [*posts(), Sample(id="copy", text="POST  3", image=picture(50)), Sample(id="twin", text="twin", image=picture(3))]
    wrong = mismatched(rows, *READERS, seed=0)
    assert [sample.id for sample in wrong] == [sample.id for sample in rows]
    for sample, row in zip(wrong, rows, strict=True):
        assert sample.image is row.image
        assert sample.text != row.text
    by_id = {sample.id: sample for sample in wrong}
    for seed in range(20):
        by_id = {sample.id: sample for sample in mismatched(rows, *READERS, seed=seed)}
        assert by_id["copy"].text != "post 3"  # the same text but for case and spacing
        assert by_id["3"].text not in {"POST  3", "twin"}  # the same text, the same picture


def test_rows_without_a_partner_are_left_out() -> None:
    rows = [
        Sample(id="a", text="x", image=picture(1)),
        Sample(id="b", text="x", image=picture(2)),
        Sample(id="c", text="y", image=picture(1)),
    ]
    assert [(sample.id, sample.text) for sample in mismatched(rows, *READERS, seed=0)] == [("b", "y"), ("c", "x")]


def test_what_is_read_beside_the_text_goes_with_it(tiny_text: str) -> None:
    encoder = TransformerText(tiny_text, beside="ocr")
    rows = [replace(row, extra={"ocr": f"words {row.id}", "user": row.id}) for row in posts()]
    rows[3] = replace(rows[3], extra={"user": "3"})
    wrong = mismatched(rows, encoder, Reads("image"), seed=0)
    assert len(wrong) == len(rows)
    for sample, row in zip(wrong, rows, strict=True):
        number = (sample.text or "").removeprefix("post ")
        assert number != row.id
        assert sample.extra == {"user": row.id} | ({} if number == "3" else {"ocr": f"words {number}"})


def test_equal_texts_with_other_words_beside_them_are_exchanged(tiny_text: str) -> None:
    rows = [Sample(id=one, text="x", image=picture(ord(one)), extra={"ocr": one}) for one in "ab"]
    encoder = TransformerText(tiny_text, beside="ocr")
    assert [row.extra["ocr"] for row in mismatched(rows, encoder, Reads("image"), seed=0)] == ["b", "a"]


def test_texts_that_are_one_to_the_encoder_are_not_exchanged(tiny_text: str) -> None:
    texts = ["RT @ann so true https://t.co/abc1", "RT @bob so true https://t.co/xyz2"]
    rows = [Sample(id=text, text=text, image=picture(number)) for number, text in enumerate(texts)]
    assert mismatched(rows, TransformerText(tiny_text, normalize="tweets"), Reads("image"), seed=0) == []
    assert len(mismatched(rows, TransformerText(tiny_text), Reads("image"), seed=0)) == 2


def test_equal_seeds_exchange_equally() -> None:
    def texts(seed: int) -> list[str | None]:
        return [sample.text for sample in mismatched(posts(), *READERS, seed=seed)]

    assert texts(1) == texts(1) != texts(2)


def test_area_under_curve_against_a_loop() -> None:
    draw = np.random.default_rng(0)
    above, below = draw.integers(0, 6, 9) / 5, draw.integers(0, 6, 7) / 5
    wins = [1.0 if high > low else 0.5 if high == low else 0.0 for high in above for low in below]
    assert area_under_curve(above, below) == pytest.approx(sum(wins) / len(wins))
