from __future__ import annotations

import pytest

from polysense.data.bad_rows import held_out
from polysense.data.splits import hold_out
from polysense.data.table import Table
from polysense.errors import DataError
from polysense.types import Sample


def rows(pictures: int, captions: int = 1) -> list[Sample]:
    made = [
        Sample(id=f"{n}.{k}", text=f"text {n} {k}", group=str(n), split="train")
        for n in range(pictures)
        for k in range(captions)
    ]
    return [*made, Sample(id="t", text="test", split="test")]


@pytest.mark.parametrize("count", [1, 4, 9])
def test_so_many_training_rows_drawn_by_the_seed(count: int) -> None:
    before = rows(10)
    after = hold_out(before, count=count, seed=0)
    held = {one.id for one in after if one.split == "validation"}
    assert len(held) == count
    assert [one.id for one in after] == [one.id for one in before]
    assert after[-1] == before[-1]
    assert hold_out(before, count=count, seed=0) == after
    assert any(
        {one.id for one in hold_out(before, count=count, seed=seed) if one.split == "validation"} != held for seed in (1, 2)
    )


def test_rows_of_a_group_move_together() -> None:
    after = hold_out(rows(6, captions=5), count=7, seed=0)
    held = [one for one in after if one.split == "validation"]
    assert len(held) == 10
    assert not {one.group for one in held} & {one.group for one in after if one.split == "train"}


def test_something_must_be_left_to_train_on() -> None:
    with pytest.raises(DataError, match="3 of 3 training rows are asked for, none would be left"):
        hold_out(rows(3), count=3, seed=0)


def test_none_are_held_out_where_there_are_validation_rows() -> None:
    own = Table(name="own", samples=(*rows(10), Sample(id="v", text="own", split="validation")))
    assert held_out(own, count=4, seed=0) is own
    drawn = held_out(Table(name="drawn", samples=tuple(rows(10))), count=4, seed=0)
    assert (drawn.splits["validation"], drawn.held_out) == (4, 4)
