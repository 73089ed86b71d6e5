from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from polysense.data.controls import limit_captions, limit_pictures, random_pictures, shuffle_pictures
from polysense.data.media import Picture
from polysense.errors import DataError
from polysense.types import Sample


def rows(pictures: int, captions: int = 2) -> list[Sample]:
    """Training rows of made paths, and a validation row and a text at the end."""
    train = [
        Sample(id=f"{n}#{k}", text=f"{n} {k}", image=Path(f"{n}.jpg"), split="train")
        for n in range(pictures)
        for k in range(captions)
    ]
    return [*train, Sample(id="v", text="v", image=Path("v.jpg"), split="validation"), Sample(id="t", text="t", split="train")]


@given(st.integers(2, 12), st.integers(0, 1000), st.floats(0, 1))
def test_shuffling_is_a_derangement_of_the_share(pictures: int, seed: int, share: float) -> None:
    before = rows(pictures)
    after = shuffle_pictures(before, seed=seed, share=share)
    moved = {one.image for one, other in zip(before, after, strict=True) if one.image != other.image}
    assert len(moved) == (0 if share == 0 else max(2, round(share * pictures)))
    assert after[-2:] == before[-2:]
    for n in range(pictures):  # a picture's captions stay together
        assert after[2 * n].image == after[2 * n + 1].image
    assert sorted(map(str, (one.image for one in after))) == sorted(map(str, (one.image for one in before)))


def test_one_picture_cannot_be_shuffled() -> None:
    with pytest.raises(DataError, match="at least two training rows with different pictures"):
        shuffle_pictures(rows(1), seed=0)
    with pytest.raises(ValueError, match="from 0 to 1"):
        shuffle_pictures(rows(3), seed=0, share=2)


def test_pictures_in_memory_are_told_apart_by_content() -> None:
    red, blue = (Picture(Image.new("RGB", (2, 2), colour)) for colour in ("red", "blue"))
    before = [Sample(id=str(n), image=image, split="train") for n, image in enumerate((red, blue, red))]
    assert [one.image for one in shuffle_pictures(before, seed=0)] == [blue, red, blue]


def test_random_pictures_follow_from_seed_and_row() -> None:
    before = rows(3)
    after = random_pictures(before, seed=1)
    assert after[-2:] == before[-2:]
    assert [one.image for one in random_pictures(before[2:], seed=1)] == [one.image for one in after[2:]]
    assert after[0].image != after[1].image
    assert random_pictures(before, seed=2)[0].image != after[0].image


def test_limits_draw_from_the_training_rows_alone() -> None:
    before = rows(6, captions=3)
    kept = limit_captions(before, per_picture=2, seed=0)
    assert [len([one for one in kept if one.image == Path(f"{n}.jpg")]) for n in range(6)] == [2] * 6
    assert kept[-2:] == before[-2:]
    assert limit_captions(before, per_picture=5, seed=0) == before
    few = limit_pictures(before, count=2, seed=0)
    assert len(few) == 2 * 3 + 2
    assert [one for one in before if one in few] == few
