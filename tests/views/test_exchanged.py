from __future__ import annotations

import torch

import tiny
from polysense.types import Batch
from polysense.views.exchanged import Exchanged


def batch_of(text: list[int], image: list[int], *, there: list[bool] | None = None) -> Batch:
    """Rows of these keys; ``there`` says which have a picture."""
    rows = len(text)
    parts = {"text": tiny.part(rows, keys=text), "image": tiny.part(rows, keys=image, there=there)}
    return Batch(parts=parts, fields={"index": torch.arange(rows)})


def test_what_is_shown_is_what_the_targets_say() -> None:
    batch = batch_of([1, 2, 3, 4, 5, 2], [7, 8, 8, 9, 5, 6], there=[True] * 4 + [False, True])
    text, image = (batch.parts[name]["key"].tolist() for name in ("text", "image"))
    drawn = set()
    for seed in range(30):
        shown = Exchanged(2).show(batch, torch.Generator().manual_seed(seed))
        rows = zip(
            shown.targets["row"].tolist(),
            shown.targets["which"].tolist(),
            shown.rows["text"].tolist(),
            shown.rows["image"].tolist(),
            strict=True,
        )
        seen = set()
        for row, which, words, picture in rows:
            assert (row, which) not in seen
            seen.add((row, which))
            other = picture if which in (1, 2) else words
            if which == 0:
                assert (words, picture) == (row, row)
            else:
                assert (words, picture) == ((row, other) if which < 3 else (other, row))
                assert text[other] != text[row]
                assert image[other] != image[row]
                assert other != 4
                drawn.add((row, which > 2, other))
        assert {(row, 0) for row in range(6) if row != 4} <= seen
        assert not any(row == 4 for row, _ in seen)
        assert shown.batch.parts["text"]["key"].tolist() == [text[number] for number in shown.rows["text"].tolist()]
    partners = {0: {1, 2, 3, 5}, 1: {0, 3}, 2: {0, 3, 5}, 3: {0, 1, 2, 5}, 5: {0, 2, 3}}
    assert drawn == {(row, side, other) for row, others in partners.items() for side in (False, True) for other in others}


def test_a_row_with_fewer_partners_has_fewer() -> None:
    shown = Exchanged(3).show(batch_of([1, 1, 2], [1, 2, 3]), torch.Generator())
    count = {row: sorted(shown.targets["which"][shown.targets["row"] == row].tolist()) for row in range(3)}
    assert count == {0: [0, 1, 4], 1: [0, 1, 4], 2: [0, 1, 2, 4, 5]}


def test_equal_seeds_draw_the_same_and_pictures_and_texts_are_drawn_apart() -> None:
    batch = batch_of(list(range(20)), list(range(20)))
    one, two = (Exchanged(2).show(batch, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one.rows["text"], two.rows["text"])
    pictures, texts = ((one.targets["which"] == which).nonzero()[:, 0] for which in (1, 3))
    assert not torch.equal(one.rows["image"][pictures], one.rows["text"][texts])
