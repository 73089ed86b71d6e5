from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polysense.data.vocabulary import Vocabulary
from polysense.types import Batch
from polysense.views.masked import KEPT, Masked
from polysense.views.view import seeded

PAD, START, END, MASK = 0, 1, 2, 3
SIZE = 60
CONTINUES = range(40, 60)


def vocabulary() -> Vocabulary:
    special, continues = torch.zeros(SIZE, dtype=torch.bool), torch.zeros(SIZE, dtype=torch.bool)
    special[[PAD, START, END, MASK]] = True
    continues[list(CONTINUES)] = True
    return Vocabulary(size=SIZE, mask=MASK, special=special, continues=continues)


def texts(words: list[list[int]]) -> Batch:
    """Rows of words, each so many tokens long; a word is one beginning and its continuations."""
    rows = []
    for lengths in words:
        row = [START]
        for number, length in enumerate(lengths):
            row += [4 + number % 36, *(40 + at % 20 for at in range(length - 1))]
        rows.append([*row, END])
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows])
    part = {"input_ids": ids, "attention_mask": (ids != PAD).long()}
    return Batch(parts={"text": part}, fields={"index": torch.arange(len(rows))})


def original(view: Masked, batch: Batch, step: int = 0) -> torch.Tensor:
    return view.show(batch, seeded(view, seed=0, step=step)).targets["original"]


rows = st.lists(st.lists(st.integers(1, 4), max_size=14), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(rows, st.sampled_from([0.15, 0.4]), st.sampled_from([1, 10]), st.integers(0, 5))
def test_exactly_the_budget_is_chosen_and_nothing_special(
    words: list[list[int]], share: float, longest: int, step: int
) -> None:
    view, batch = Masked(vocabulary(), share=share, longest_span=longest), texts(words)
    ids, found = batch.parts["text"]["input_ids"], original(view, batch, step)
    for row, lengths in enumerate(words):
        tokens = sum(lengths)
        chosen = found[row] != KEPT
        assert int(chosen.sum()) == (math.ceil(share * tokens) if tokens >= 3 else 0)
        assert torch.equal(found[row][chosen], ids[row][chosen])
        assert not torch.isin(ids[row][chosen], torch.tensor([PAD, START, END, MASK])).any()


@settings(max_examples=60, deadline=None)
@given(rows, st.sampled_from([1, 10]), st.integers(0, 5))
def test_words_are_whole_but_for_the_one_at_the_end_of_the_budget(words: list[list[int]], longest: int, step: int) -> None:
    view, batch = Masked(vocabulary(), share=0.3, longest_span=longest), texts(words)
    found = original(view, batch, step)
    for row, numbers in enumerate(vocabulary().words(batch.parts["text"]["input_ids"])):
        chosen = found[row] != KEPT
        cut = [
            word
            for word in range(int(numbers.max()) + 1)
            if bool(chosen[numbers == word].any()) and not bool(chosen[numbers == word].all())
        ]
        assert len(cut) <= 1


def test_eight_in_ten_become_the_mask_one_in_ten_another_token_one_in_ten_stays() -> None:
    view, batch = Masked(vocabulary(), share=0.5), texts([[1] * 400] * 10)
    shown = view.show(batch, seeded(view, seed=1, step=1))
    chosen = shown.targets["original"] != KEPT
    before, after = batch.parts["text"]["input_ids"][chosen], shown.batch.parts["text"]["input_ids"][chosen]
    masked = float((after == MASK).float().mean())
    stayed = float((after == before).float().mean())
    assert masked == pytest.approx(0.8, abs=0.03)
    assert stayed == pytest.approx(0.1 + 0.1 / (SIZE - 4), abs=0.03)
    others = after[(after != MASK) & (after != before)]
    assert not torch.isin(others, torch.tensor([PAD, START, END])).any()
    untouched = ~chosen
    assert torch.equal(shown.batch.parts["text"]["input_ids"][untouched], batch.parts["text"]["input_ids"][untouched])


def test_spans_have_the_length_that_is_said() -> None:
    """The mean of the renormalised geometric distribution from 1 to 10 with a stop of 0.2 is 3.80."""
    import random

    picker = random.Random(0)
    lengths = [Masked(vocabulary())._length(picker) for _ in range(20_000)]
    assert sum(lengths) / len(lengths) == pytest.approx(3.80, abs=0.05)
    assert {min(lengths), max(lengths)} == {1, 10}
    assert {Masked(vocabulary(), longest_span=1)._length(picker) for _ in range(50)} == {1}


def test_a_draw_depends_on_seed_and_step_alone() -> None:
    view, batch = Masked(vocabulary()), texts([[1, 2, 3] * 4] * 4)
    assert torch.equal(original(view, batch, 3), original(view, batch, 3))
    assert not torch.equal(original(view, batch, 3), original(view, batch, 4))
