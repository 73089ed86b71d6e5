"""Draws: by the run's seed, or by the corpus's own; once, or in every epoch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysense.data.caption_controls import CaptionControls
from polysense.data.draws import Drawn, DrawnBatches, applied
from polysense.data.mixtures.alternate import Alternate
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError
from polysense.types import Sample

PICTURES, CAPTIONS = 6, 4


def offered(source: str = "") -> list[Sample]:
    return [
        Sample(id=f"{n}#{k}", text=f"{n} {k}", image=Path(f"{n}.jpg"), split="train", index=n * CAPTIONS + k, source=source)
        for n in range(PICTURES)
        for k in range(CAPTIONS)
    ]


def controls(**choices: Any) -> CaptionControls:
    return CaptionControls(**{"of": "Captions", "captions_per_image": 1, **choices})


def drawn(run: int, **choices: Any) -> Drawn:
    return Drawn(offered(), {"": controls(**choices)}, seed=run)


def texts(found: Drawn, epoch: int = 0) -> list[str | None]:
    return [found.samples[place].text for place in found.epoch(epoch)]


def test_without_draws_every_epoch_shows_every_row() -> None:
    found = Drawn(offered(), {}, seed=3)
    assert found.samples == offered()
    assert found.epoch(0) == found.epoch(7) == list(range(PICTURES * CAPTIONS))
    assert found.sizes == [PICTURES * CAPTIONS]


@pytest.mark.parametrize("choices", [{}, {"images": "shuffled"}, {"images": "random"}, {"pairs": 3}], ids=str)
def test_every_seed_draws_its_own_rows(choices: dict[str, Any]) -> None:
    def shown(run: int, **more: Any) -> list[Any]:
        rows = drawn(run, **({"captions_per_image": None} if choices else {}), **choices, **more)
        return [(one.id, getattr(one.image, "key", one.image)) for one in rows.samples]

    assert shown(0) == shown(0)
    assert shown(0) != shown(1)
    assert shown(0, seed=5) == shown(1, seed=5) == shown(5)  # a seed of the corpus's own counts for all seeds of the run


def test_captions_that_are_never_drawn_anew_stay() -> None:
    found = drawn(0)
    assert found.sizes == [PICTURES]
    assert len(found.samples) == PICTURES
    assert texts(found, 0) == texts(found, 9)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, CAPTIONS), st.sampled_from(["paired", "shuffled", "random"]))
def test_captions_of_an_epoch_follow_from_seed_and_epoch_alone(seed: int, epoch: int, count: int, images: str) -> None:
    choices = {"captions_per_image": count, "resample": "every_epoch", "images": images}
    found, again = (drawn(seed, **choices) for _ in range(2))
    again.epoch(epoch + 1)
    assert found.epoch(epoch) == again.epoch(epoch)
    assert found.sizes == [PICTURES * count]
    pictures = [str(one).partition(" ")[0] for one in texts(found, epoch)]
    assert [pictures.count(str(n)) for n in range(PICTURES)] == [count] * PICTURES


def test_another_epoch_shows_other_captions_in_the_end_all() -> None:
    found = drawn(0, resample="every_epoch")
    assert texts(found, 0) != texts(found, 1)
    assert {text for epoch in range(40) for text in texts(found, epoch)} == {one.text for one in offered()}


def test_captions_of_an_epoch_keep_the_wrong_picture_that_the_seed_gave_them() -> None:
    found = drawn(0, resample="every_epoch", images="shuffled")
    wrong: dict[str, set[Any]] = {}
    for epoch in range(20):
        for place in found.epoch(epoch):
            wrong.setdefault(str(found.samples[place].group or found.samples[place].id[0]), set()).add(
                found.samples[place].image
            )
    assert all(len(images) == 1 and images != {Path(f"{n}.jpg")} for n, images in wrong.items())


def test_batches_of_several_corpora_show_the_rows_of_their_epoch() -> None:
    sentences = [Sample(id=str(n), text=f"sentence {n}", split="train", source="a") for n in range(12)]
    both = Drawn([*sentences, *offered("b")], {"b": controls(resample="every_epoch")}, seed=1)
    assert both.sizes == [12, PICTURES]
    batches = DrawnBatches(Alternate().batches(both.sizes, 3, seed=1), both)
    assert len(batches) == 6
    seen = set()
    for epoch in (0, 1, 2):
        batches.set_epoch(epoch)
        shown = list(batches)
        batches.set_epoch(epoch)
        assert shown == list(batches)
        captions = {place for batch in shown for place in batch if place >= 12}
        assert captions <= set(both.epoch(epoch))
        assert all(len({both.samples[place].source for place in batch}) == 1 for batch in shown)
        seen |= captions
    assert len(seen) > PICTURES


def test_a_table_shows_the_first_epoch_of_its_seed() -> None:
    held = [replace(one, split="validation") for one in offered()[:CAPTIONS]]
    table = Table(name="captions", samples=(*offered()[CAPTIONS:], *held))
    for choices in ({}, {"resample": "every_epoch"}, {"seed": 3}):
        candidates = controls(**choices).candidates(table, near=Path())
        assert candidates.samples == table.samples
        found = applied(candidates)
        assert found.splits == {"train": PICTURES - 1, "validation": CAPTIONS}
        assert not found.draws
        own = Drawn(candidates.split("train"), candidates.draws, seed=0)
        assert [one.text for one in found.split("train")] == texts(own)


def test_wrong_choices() -> None:
    with pytest.raises(RecipeError, match=r"Captions, resample: 'each_epoch' is not one.*every_epoch"):
        controls(resample="each_epoch")
    with pytest.raises(RecipeError, match="say how many with captions_per_image"):
        controls(resample="every_epoch", captions_per_image=None)
    with pytest.raises(DataError, match="9 training pictures are asked for, there are 6"):
        drawn(0, pairs=9)
