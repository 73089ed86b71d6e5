from __future__ import annotations

import torch

from polysense.types import Batch
from polysense.views.only import Only
from polysense.views.plain import Plain


def test_plain_shows_the_batch_itself() -> None:
    batch = Batch(parts={"text": {"key": torch.arange(2)}}, fields={"index": torch.arange(2)})
    shown = Plain().show(batch, torch.Generator())
    assert shown.batch is batch
    assert not shown.targets
    assert not shown.rows


def test_only_hides_the_other_modalities_and_keeps_the_fields() -> None:
    text, image = {"key": torch.arange(2)}, {"key": torch.arange(2)}
    batch = Batch(parts={"text": text, "image": image}, fields={"index": torch.arange(2), "label": torch.arange(2)})
    shown = Only("image").show(batch, torch.Generator())
    assert list(shown.batch.parts) == ["image"]
    assert shown.batch.parts["image"] is image
    assert shown.batch.fields is batch.fields


def test_equal_views_are_one_view() -> None:
    assert {Plain(), Plain(), Only("text"), Only("text"), Only("image")} == {Plain(), Only("text"), Only("image")}
