from __future__ import annotations

import itertools
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polysense.data.vocabulary import Vocabulary
from polysense.types import MARK, Batch
from polysense.views.fragments import Fragments
from polysense.views.masked import KEPT
from polysense.views.view import Shown, seeded

PAD, START, END = 0, 1, 2
SIZE = 200


def vocabulary() -> Vocabulary:
    special = torch.zeros(SIZE, dtype=torch.bool)
    special[[PAD, START, END]] = True
    return Vocabulary(size=SIZE, mask=None, special=special, continues=torch.zeros_like(special), start=START, end=END)


def texts(lengths: list[int | None]) -> Batch:
    """Rows of so many different tokens; None: the row lacks the text, and a blank stands there."""
    rows = [[START, *(3 + at for at in range(length or 0)), END] for length in lengths]
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows])
    present = torch.tensor([length is not None for length in lengths])
    part = {"input_ids": ids, "attention_mask": (ids != PAD).long(), "present": present, "key": torch.arange(len(rows))}
    return Batch(parts={"text": part}, fields={"index": torch.arange(len(rows))})


def shown(view: Fragments, batch: Batch, step: int = 0) -> Shown:
    return view.show(batch, seeded(view, seed=0, step=step))


def row_of(found: Shown, row: int) -> list[tuple[int, int, bool, int]]:
    """(token, place, whether it is written, what is written next) of each real token."""
    text = found.batch.parts["text"]
    columns = (text["input_ids"], text[f"{MARK}place"], text[f"{MARK}target"], found.targets["original"])
    real = text["attention_mask"][row].bool()
    return list(zip(*(column[row][real].tolist() for column in columns), strict=True))


lengths = st.lists(st.one_of(st.none(), st.integers(0, 120)), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(lengths, st.integers(0, 1000))
def test_rest_and_fragments_make_the_text_again(counts: list[int | None], step: int) -> None:
    batch = texts(counts)
    found = shown(Fragments(vocabulary()), batch, step)
    for row, count in enumerate(counts):
        line = row_of(found, row)
        if count is None:
            assert line == []
            assert not found.batch.parts["text"]["present"][row]
            continue
        # by their places the rest and the fragments' own tokens are the text, each token once
        own = [(place, token) for token, place, written, _ in line if not (written and token in (START, END))]
        assert sorted(own) == list(enumerate([START, *range(3, 3 + count), END]))
        rest = [place for _, place, written, _ in line if not written]
        assert rest == sorted(rest)


@settings(max_examples=150, deadline=None)
@given(lengths, st.integers(0, 1000))
def test_what_is_written_is_each_fragment_between_its_own_start_and_end(counts: list[int | None], step: int) -> None:
    found = shown(Fragments(vocabulary()), texts(counts), step)
    for row in range(len(counts)):
        line = row_of(found, row)
        target = [entry for entry in line if entry[2]]
        assert [entry[2] for entry in line] == [False] * (len(line) - len(target)) + [True] * len(target)
        assert all(following == KEPT for _, _, written, following in line if not written)
        for at, (token, place, _, following) in enumerate(target):
            if token == END:
                assert following == KEPT  # the start of the next fragment is not predicted
                assert at + 1 == len(target) or target[at + 1][0] == START
            else:
                assert following == target[at + 1][0]
                assert target[at + 1][1] == place + 1


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 400), st.integers(0, 10_000))
def test_how_much_is_taken_and_that_fragments_never_touch(count: int, seed: int) -> None:
    spans = Fragments(vocabulary()).spans([False, *[True] * count, False], random.Random(seed))
    taken = [end - start for start, end in spans]
    assert all(after[0] > before[1] for before, after in itertools.pairwise(spans))
    if count < 4:
        assert spans == []
    elif count < 8:
        assert len(spans) == 1
        assert 1 <= taken[0] <= count // 2
    else:
        assert all(4 <= length <= 32 for length in taken)
        assert 0.25 * count <= sum(taken) < 0.25 * count + 4


def test_fragments_lie_between_special_tokens() -> None:
    usual = [False, *[True] * 6, False, *[True] * 20, False]
    for seed in range(50):
        for start, end in Fragments(vocabulary()).spans(usual, random.Random(seed)):
            assert all(usual[start:end])


def test_every_length_and_place_occurs() -> None:
    drawn = [Fragments(vocabulary()).spans([False, *[True] * 200, False], random.Random(seed)) for seed in range(600)]
    spans = [span for row in drawn for span in row]
    assert {end - start for start, end in spans} == set(range(4, 33))
    assert {start for start, _ in spans} >= set(range(1, 190))


def test_equal_draws_take_the_same() -> None:
    batch, view = texts([40, 12]), Fragments(vocabulary())
    one, same, other = (shown(view, batch, step).batch.parts["text"]["input_ids"] for step in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_picture_stays_beside_what_is_left() -> None:
    batch = texts([12, 30])
    picture = {"pixels": torch.rand(2, 3), "present": torch.tensor([True, False]), "key": torch.arange(2)}
    found = shown(Fragments(vocabulary()), Batch({**batch.parts, "image": picture}, batch.fields))
    assert found.batch.parts["image"] is picture


@pytest.mark.parametrize("counts", [[3, 2], [None]])
def test_rows_that_sit_out_have_nothing_to_write(counts: list[int | None]) -> None:
    found = shown(Fragments(vocabulary()), texts(counts))
    assert (found.targets["original"] == KEPT).all()
    assert not found.batch.parts["text"][f"{MARK}target"].any()
