"""Further texts and pictures as the rows of one modality: those that are there, in order, beside their own row's other modality."""

from __future__ import annotations

import torch
from torch import Tensor

from polysense.types import Batch
from polysense.views.gathered import Gathered


def text(rows: list[list[int] | None]) -> dict[str, Tensor]:
    longest = max(len(row or [0]) for row in rows)
    ids = [[*(row or [0]), *[0] * (longest - len(row or [0]))] for row in rows]
    mask = [[1] * len(row or [0]) + [0] * (longest - len(row or [0])) for row in rows]
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.tensor(mask),
        "present": torch.tensor([row is not None for row in rows]),
        "key": torch.arange(len(rows)),
    }


BATCH = Batch(
    {
        "text": text([[5, 6], [7, 8, 9, 4, 3], [2]]),
        "negative.0": text([[11, 12, 13], None, [14]]),
        "image": {"pixels": torch.rand(3, 4), "present": torch.tensor([True, True, False]), "key": torch.arange(3)},
        "near_image.0": {"pixels": torch.rand(3, 4), "present": torch.tensor([False, True, True]), "key": torch.arange(3)},
    },
    {"index": torch.tensor([20, 21, 22])},
)


def test_texts_beside_their_pictures() -> None:
    shown = Gathered("text", ("text", "negative.0"), beside="image").show(BATCH, torch.Generator())
    assert shown.targets["row"].tolist() == [0, 1, 0]  # row 2 has no picture, row 1 no negative
    assert shown.targets["which"].tolist() == [0, 0, 1]
    assert shown.batch.parts["text"]["input_ids"].tolist() == [[5, 6, 0, 0, 0], [7, 8, 9, 4, 3], [11, 12, 13, 0, 0]]
    assert shown.rows["image"].tolist() == [0, 1, 0]
    assert set(shown.batch.parts) == {"text", "image"}
    assert shown.batch.fields["index"].tolist() == [20, 21, 20]


def test_what_is_left_is_no_longer_than_its_longest() -> None:
    shown = Gathered("text", ("negative.0",)).show(BATCH, torch.Generator())
    assert shown.batch.parts["text"]["input_ids"].tolist() == [[11, 12, 13], [14, 0, 0]]
    short = Gathered("text", ("text",), beside="near_image.0")
    batch = Batch(
        {**BATCH.parts, "near_image.0": {**BATCH.parts["near_image.0"], "present": torch.tensor([True, False, True])}},
        BATCH.fields,
    )
    assert short.show(batch, torch.Generator()).batch.parts["text"]["input_ids"].tolist() == [[5, 6], [2, 0]]


def test_pictures_alone() -> None:
    shown = Gathered("image", ("image", "near_image.0")).show(BATCH, torch.Generator())
    assert set(shown.batch.parts) == {"image"}
    assert shown.rows == {}
    assert shown.targets["row"].tolist() == [0, 1, 1, 2]
    wanted = torch.cat([BATCH.parts["image"]["pixels"][:2], BATCH.parts["near_image.0"]["pixels"][1:]])
    assert torch.equal(shown.batch.parts["image"]["pixels"], wanted)
