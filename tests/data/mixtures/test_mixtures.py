from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest

from polysense.data.mixtures.alternate import Alternate
from polysense.data.mixtures.beside import Beside
from polysense.data.mixtures.mixture import Mixture
from polysense.data.mixtures.pooled import Pooled
from polysense.data.mixtures.proportional import Proportional
from polysense.data.mixtures.ratio import Ratio
from polysense.data.sampling import ShuffledBatches
from polysense.errors import RecipeError

MIXTURES = [Pooled(), Alternate(), Proportional(), Ratio([2, 1]), Beside(0.5)]


@pytest.mark.parametrize(
    ("text", "pairs", "every", "steps", "pair_steps"),
    [(15625, 466, 33, 16091, 488), (15625, 1294, 12, 16919, 1410), (7813, 233, 33, 8046, 244)],
)
def test_alternation_is_that_of_the_paper(text: int, pairs: int, every: int, steps: int, pair_steps: int) -> None:
    order = Alternate().steps([text, pairs])
    assert len(order) == steps
    assert Counter(order) == {0: steps - pair_steps, 1: pair_steps}
    assert [step for step, corpus in enumerate(order) if corpus == 1] == list(range(0, steps, every))


def test_more_pairs_than_texts_turns_the_roles_around() -> None:
    assert Alternate().steps([2, 6]) == [0, 1, 1, 0, 1, 1, 0, 1]
    assert Alternate().steps([6, 2]) == [1, 0, 0, 1, 0, 0, 1, 0]


def test_corpora_of_about_one_size_take_turns() -> None:
    assert Counter(Alternate().steps([3, 3])) == {0: 3, 1: 3}
    assert set(Alternate().steps([5, 3])) == {0, 1}


def test_alternate_takes_one_corpus_or_two() -> None:
    assert Alternate().steps([4]) == [0] * 4
    with pytest.raises(RecipeError, match=r"two corpora, found 3"):
        Alternate().steps([1, 2, 3])


def test_proportional_shows_every_batch_once_and_evenly() -> None:
    steps = Proportional().steps([12, 4, 1])
    assert Counter(steps) == {0: 12, 1: 4, 2: 1}
    longest = max(len(list(run)) for corpus, run in groupby(steps) if corpus == 0)
    assert longest <= 4
    assert steps.index(2) in range(7, 10)


def test_ratio_keeps_its_shares_all_along() -> None:
    steps = Ratio([3, 1]).steps([30, 100])
    assert Counter(steps) == {0: 30, 1: 10}
    for end in range(4, len(steps) + 1, 4):
        assert steps[:end].count(1) == end // 4
    with pytest.raises(RecipeError, match="above 0"):
        Ratio([1, 0])
    with pytest.raises(RecipeError, match="2 numbers for 3 corpora"):
        Ratio([1, 1]).steps([1, 1, 1])


def test_a_share_so_small_that_a_corpus_is_never_seen_is_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"Ratio\.shares \[10, 1\] for corpora of \[4, 7\] batches: .* corpus 2 .* above 1\.429"
    ):
        Ratio([10, 1]).steps([4, 7])
    assert Counter(Ratio([10, 1.43]).steps([4, 7])) == {0: 4, 1: 1}
    with pytest.raises(RecipeError, match=r"corpus 3 .* above 0\.1429"):
        Ratio([1, 1, 0.1]).batches([16, 16, 16], 4, seed=0).__len__()


@pytest.mark.parametrize("mixture", MIXTURES, ids=lambda mixture: type(mixture).__name__)
def test_batches_are_of_one_corpus_or_of_all_and_hold_real_rows(mixture: Mixture) -> None:
    sizes = [37, 13]
    batches = mixture.batches(sizes, 4, seed=1)
    drawn = list(batches)
    assert len(drawn) == len(batches)
    for rows in drawn:
        assert len(rows) >= 2
        assert all(0 <= row < sum(sizes) for row in rows)
        assert len(set(rows)) == len(rows)
        if not isinstance(mixture, Pooled | Beside):
            assert len({row < sizes[0] for row in rows}) == 1


@pytest.mark.parametrize("mixture", MIXTURES, ids=lambda mixture: type(mixture).__name__)
def test_an_epoch_depends_on_seed_and_number_alone(mixture: Mixture) -> None:
    unbroken = mixture.batches([37, 13], 4, seed=1)
    epochs = []
    for epoch in range(3):
        unbroken.set_epoch(epoch)
        epochs.append(list(unbroken))
    resumed = mixture.batches([37, 13], 4, seed=1)
    resumed.set_epoch(2)
    assert list(resumed) == epochs[2]
    assert epochs[0] != epochs[1]
    assert list(mixture.batches([37, 13], 4, seed=2)) != epochs[0]


def test_each_corpus_is_one_endless_stream_over_the_epochs() -> None:
    batches = Alternate().batches([24, 8], 4, seed=0)  # 6 and 2 batches: k = 3, epochs of 8 steps with 3 of the smaller
    seen: list[list[int]] = []
    for epoch in range(4):
        batches.set_epoch(epoch)
        seen += [rows for rows in batches if rows[0] >= 24]
    assert len(seen) == 12
    for cycle in range(6):  # every two batches of the stream hold every row of the smaller corpus once
        assert sorted(row for rows in seen[2 * cycle : 2 * cycle + 2] for row in rows) == list(range(24, 32))


def test_one_pool_is_the_plain_shuffle() -> None:
    assert list(Pooled().batches([10, 7], 4, seed=3)) == list(ShuffledBatches(17, 4, seed=3))


@pytest.mark.parametrize("sizes", [[10], [10, 3], [10, 200], [10, 40, 60]])
@pytest.mark.parametrize("share", [0, 0.5, 1, 3])
def test_rows_beside_leave_the_batches_of_the_first_corpus_as_they_are(sizes: list[int], share: float) -> None:
    alone, beside = ShuffledBatches(10, 4, seed=5), Beside(share).batches(sizes, 4, seed=5)
    seen: list[int] = []
    for epoch in range(60):
        alone.set_epoch(epoch)
        beside.set_epoch(epoch)
        assert len(beside) == len(alone) == 3
        pairs = list(zip(beside, alone, strict=True))
        assert all(rows[: len(own)] == own for rows, own in pairs)
        added = [rows[len(own) :] for rows, own in pairs]
        assert share or not any(added)
        seen += [row for rows in added for row in rows]
    others = list(range(10, sum(sizes)))
    assert sorted(set(seen)) == (others if share else [])
    if share and others:
        assert seen[: len(others)] != others
        assert sorted(seen[: len(others)]) == others  # the pool goes on over the epochs: no row twice before every row once


def test_beside_takes_no_negative_share() -> None:
    with pytest.raises(RecipeError, match="from 0 up"):
        Beside(-1)


def test_corpora_are_shuffled_independently() -> None:
    batches = list(Alternate().batches([8, 8], 4, seed=0))
    orders = [[row % 8 for rows in batches for row in rows if row // 8 == corpus] for corpus in (0, 1)]
    assert orders[0] != orders[1]
