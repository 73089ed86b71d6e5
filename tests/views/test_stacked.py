from __future__ import annotations

import torch

import tiny
from polysense.learner import StepLook
from polysense.model import Sight
from polysense.types import Batch
from polysense.views.stacked import TWICE, Stacked, negatives, stack


def with_companions(rows: int = 4) -> Batch:
    batch = tiny.batch(rows)
    pair = tiny.part(rows, seed=11, there=[True, False, True, True][:rows])
    others = {f"negative.{place}": tiny.part(rows, seed=20 + place) for place in (10, 2)}
    return Batch(parts={**batch.parts, "pair": pair, **others}, fields=batch.fields)


def test_the_text_twice_is_every_row_and_every_row_again() -> None:
    batch = tiny.batch(4)
    shown = TWICE.show(batch, torch.Generator())
    text = shown.batch.parts["text"]
    for name, values in batch.parts["text"].items():
        assert torch.equal(text[name][:4], values)
        assert torch.equal(text[name][4:], values)
    assert shown.batch.size == 8
    assert shown.batch.fields["label"].tolist() == batch.fields["label"].tolist() * 2


def test_without_dropout_the_two_passes_are_equal_and_are_the_plain_pass() -> None:
    model, batch = tiny.model(), tiny.batch(5)
    _, seen = StepLook(model, batch, seed=0, step=0)(TWICE)
    first, second = seen.parts["text"].summary.chunk(2)
    torch.testing.assert_close(first, second, atol=1e-6, rtol=0)  # a row's place in a product moves its last bit
    torch.testing.assert_close(first, model(batch).parts["text"].summary)


def test_the_picture_is_encoded_once_and_the_text_in_one_pass() -> None:
    model, batch = tiny.model(), tiny.batch(5)
    seen = Sight(model, batch).see(TWICE.show(batch, torch.Generator()))
    assert model.encoder("image").runs == 1
    assert model.encoder("text").runs == 1
    once = model.encoder("image")(batch.parts["image"]).summary
    torch.testing.assert_close(seen.parts["image"].summary, once.repeat(2, 1))


def test_under_dropout_the_two_passes_differ() -> None:
    model = tiny.model(dropout=0.5).train()
    _, seen = StepLook(model, tiny.batch(5), seed=0, step=0)(TWICE)
    first, second = seen.parts["text"].summary.chunk(2)
    assert not torch.equal(first, second)


def test_pairs_and_negatives_stand_below_the_text_and_are_no_modalities_any_more() -> None:
    batch = with_companions()
    assert negatives(batch) == ("negative.2", "negative.10")  # by number, not by letter
    shown = Stacked(("text", "pair", *negatives(batch))).show(batch, torch.Generator())
    assert set(shown.batch.parts) == {"text", "image"}
    text = shown.batch.parts["text"]
    assert text["present"].tolist() == [True] * 4 + [True, False, True, True] + [True] * 8
    assert torch.equal(text["numbers"][8:12], batch.parts["negative.2"]["numbers"])


def test_parts_of_different_length_are_padded_behind() -> None:
    short, long = tiny.part(2, time=2), tiny.part(2, time=4, seed=3)
    joined = stack([short, long])["numbers"]
    assert joined.shape == (4, 4, tiny.READS)
    assert torch.equal(joined[:2, :2], short["numbers"])
    assert not joined[:2, 2:].any()
    assert torch.equal(joined[2:], long["numbers"])
