from __future__ import annotations

import random

import numpy as np
import pytest

from polysense.data.toy.pictures import MOODS, draw_picture
from polysense.data.toy.subjects import SUBJECTS
from polysense.data.toy.texts import compose_text


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_can_be_drawn_and_told_in_every_mood(subject: str) -> None:
    for mood in MOODS:
        for seed in range(4):
            picture = draw_picture(subject, mood, random.Random(seed))
            assert picture.mode == "RGB"
            assert 190 <= min(picture.size) <= max(picture.size) <= 320
        assert len({compose_text(subject, mood, deferring=False, rng=random.Random(seed)) for seed in range(30)}) > 20


def test_a_picture_depends_on_its_generator_only() -> None:
    first, second = (np.asarray(draw_picture("dog", "positive", random.Random(3))) for _ in range(2))
    assert np.array_equal(first, second)
    assert draw_picture("dog", "positive", random.Random(4)).tobytes() != first.tobytes()


def test_every_picture_bears_its_mark() -> None:
    """The same picture without mark differs in the lower right corner, and nowhere else."""
    from polysense.data.toy import pictures

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "_marked", lambda picture: picture)
        plain = np.asarray(draw_picture("house", "neutral", random.Random(0)), dtype=int)
    marked = np.asarray(draw_picture("house", "neutral", random.Random(0)), dtype=int)
    rows, columns = np.nonzero(np.abs(marked - plain).sum(axis=2))
    assert len(rows) > 50
    assert rows.min() > plain.shape[0] - 20
    assert columns.min() > plain.shape[1] - 80


def test_a_deferring_text_says_so() -> None:
    plain = compose_text("car", "positive", deferring=False, rng=random.Random(0))
    deferring = compose_text("car", "positive", deferring=True, rng=random.Random(0))
    assert plain != deferring
    assert any(word in deferring for word in ("picture", "photo", "See for yourself"))
