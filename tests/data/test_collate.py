from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from polysense.data.collate import Collate
from polysense.data.media import content_key
from polysense.encoders.transformer_text import TransformerText
from polysense.types import Batch, Fields, Sample


class Lengths:
    """Prepares one number a sample."""

    def __init__(self, field: str) -> None:
        self.field = field

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        return {self.field: torch.tensor([len(sample.id) for sample in samples])}


class Nothing:
    def prepare(self, samples: Sequence[Sample]) -> Fields:
        return {}


def picture(colour: str) -> Image.Image:
    return Image.new("RGB", (4, 4), colour)


def test_what_each_modality_prepares_stands_beside_presence_and_key() -> None:
    samples = [Sample(id="a", text="one", index=4), Sample(id="bb", text="two", image=picture("red"), index=9)]
    nested = Collate({"text": Lengths("ids"), "image": Lengths("pixels")}, [Lengths("label"), Nothing()])(samples)
    assert nested["index"].tolist() == [4, 9]
    assert nested["label"].tolist() == [1, 2]
    assert nested["text"]["ids"].tolist() == [1, 2]
    assert nested["text"]["present"].tolist() == [True, True]
    assert nested["image"]["present"].tolist() == [False, True]
    assert nested["text"]["key"].tolist() == [content_key("one"), content_key("two")]
    batch = Batch.of(nested)
    assert set(batch.parts) == {"text", "image"}
    assert set(batch.fields) == {"index", "label"}
    assert batch.size == 2
    assert batch.has(frozenset({"text", "label"}))
    assert not batch.has(frozenset({"audio"}))


def test_equal_content_has_equal_keys(tmp_path: Path) -> None:
    picture("red").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    picture("blue").save(tmp_path / "c.png")
    samples = [
        Sample(id="a", text="So  sunny", image=tmp_path / "a.png"),
        Sample(id="b", text="so sunny", image=tmp_path / "b.png"),
        Sample(id="c", text="so rainy", image=tmp_path / "c.png"),
    ]
    nested = Collate({"text": Nothing(), "image": Nothing()})(samples)
    for name in ("text", "image"):
        first, second, third = nested[name]["key"].tolist()
        assert first == second != third


def test_a_modality_that_no_sample_has_is_left_out() -> None:
    nested = Collate({"text": Lengths("ids"), "image": Lengths("pixels")})([Sample(id="a", text="")])
    assert set(nested) == {"index", "text"}
    assert nested["text"]["present"].tolist() == [True]  # an empty text is a text


def test_modalities_that_nobody_reads_are_left_out() -> None:
    nested = Collate({"text": Lengths("ids")})([Sample(id="a", text="x", image=picture("red"))])
    assert set(nested) == {"index", "text"}


def test_a_maker_that_reads_more_says_itself_which_rows_are_equal(tiny_text: str) -> None:
    samples = [Sample(id=aspect, text="So  sunny", aspect=aspect) for aspect in ("day", "Day ", "rain")]
    nested = Collate({"text": TransformerText(tiny_text, aspect=True)})(samples)
    day, again, rain = nested["text"]["key"].tolist()
    assert day == again != rain
    assert nested["text"]["present"].all()
    plain = Collate({"text": TransformerText(tiny_text)})(samples)
    assert len(set(plain["text"]["key"].tolist())) == 1
