"""The chain against brute force over all sequences, and against explicit loops."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from polysense.crf import BARRED, NO_TAG, Transitions, log_partition, path_score, viterbi

TAGS, WORDS = 3, 4


def made(seed: int = 0, *, rows: int = 5, words: int = WORDS, barred: bool = True) -> tuple[Tensor, Transitions]:
    """Emissions in double precision, and transitions that bar O -> I, start -> I (tags O, B, I), as BIO does."""
    draw = torch.Generator().manual_seed(seed)
    numbers = [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in ((TAGS,), (TAGS, TAGS), (TAGS,))]
    if barred:
        numbers[0][2] = BARRED
        numbers[1][0, 2] = BARRED
    return 2 * torch.randn(rows, words, TAGS, generator=draw, dtype=torch.float64), Transitions(*numbers)


def masked(lengths: list[int], words: int = WORDS) -> Tensor:
    return torch.arange(words) < torch.tensor(lengths).unsqueeze(1)


def by_hand(emissions: Tensor, path: tuple[int, ...], transitions: Transitions) -> float:
    """The score of one path in an explicit loop."""
    total = float(transitions.start[path[0]]) + float(transitions.end[path[-1]])
    for at, tag in enumerate(path):
        total += float(emissions[at, tag])
        if at:
            total += float(transitions.between[path[at - 1], tag])
    return total


@pytest.mark.parametrize("barred", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_partition_is_that_of_all_sequences_and_viterbi_finds_the_best(seed: int, barred: bool) -> None:
    emissions, transitions = made(seed, barred=barred)
    lengths = [4, 1, 3, 2, 4]
    mask = masked(lengths)
    partition = log_partition(emissions, mask, transitions)
    best, score = viterbi(emissions, mask, transitions)
    for row, length in enumerate(lengths):
        scores = {path: by_hand(emissions[row], path, transitions) for path in product(range(TAGS), repeat=length)}
        assert float(partition[row]) == pytest.approx(float(torch.tensor(list(scores.values())).logsumexp(dim=0)), abs=1e-5)
        assert tuple(best[row, :length].tolist()) == max(scores, key=lambda path: scores[path])
        assert float(score[row]) == pytest.approx(max(scores.values()))
        assert best[row, length:].tolist() == [NO_TAG] * (WORDS - length)
        for path, expected in scores.items():
            tags = torch.tensor([[*path, *[NO_TAG] * (WORDS - length)]])
            assert float(path_score(emissions[row : row + 1], tags, mask[row : row + 1], transitions)) == pytest.approx(
                expected
            )


def test_viterbi_scores_no_less_than_any_sampled_sequence() -> None:
    emissions, transitions = made(3, rows=20, words=30)
    mask = masked([30 - row for row in range(20)], 30)
    _, score = viterbi(emissions, mask, transitions)
    draw = torch.Generator().manual_seed(0)
    finite = 0
    for _ in range(50):
        sampled = torch.randint(0, 2, (20, 30), generator=draw)
        own = path_score(emissions, sampled, mask, transitions)
        finite += int(torch.isfinite(own).sum())
        assert bool((own <= score + 1e-9).all())
    assert finite == 50 * 20


def test_a_barred_step_is_never_taken_however_much_it_would_score() -> None:
    emissions, transitions = made(0, rows=200, words=12)
    emissions[..., 2] += 50  # I everywhere, which may not follow O nor begin
    best, score = viterbi(emissions, masked([12] * 200, 12), transitions)
    assert bool(torch.isfinite(score).all())
    assert not bool((best[:, 0] == 2).any())
    assert not bool(((best[:, :-1] == 0) & (best[:, 1:] == 2)).any())
    assert bool((best == 2).any())
    assert float(path_score(emissions[:1, :2], torch.tensor([[0, 2]]), masked([2], 2), transitions)) == BARRED


def test_what_stands_behind_a_rows_words_changes_nothing() -> None:
    emissions, transitions = made(1)
    lengths = [2, 4, 0, 1, 3]
    wide = torch.cat([emissions, torch.full((5, 3, TAGS), 77.0, dtype=torch.float64)], dim=1)
    tags = torch.zeros(5, 4, dtype=torch.int64)
    wide_tags = torch.cat([tags, torch.full((5, 3), NO_TAG)], dim=1)
    short, long = masked(lengths), masked(lengths, 7)
    torch.testing.assert_close(log_partition(wide, long, transitions), log_partition(emissions, short, transitions))
    torch.testing.assert_close(path_score(wide, wide_tags, long, transitions), path_score(emissions, tags, short, transitions))
    assert torch.equal(viterbi(wide, long, transitions)[0][:, :4], viterbi(emissions, short, transitions)[0])


def test_rows_without_words_score_nothing_and_hinder_no_gradient() -> None:
    emissions, transitions = made(2, rows=2)
    emissions.requires_grad_()
    mask = masked([0, 4])
    partition = log_partition(emissions, mask, transitions)
    loss = (partition - path_score(emissions, torch.zeros(2, 4, dtype=torch.int64), mask, transitions)).sum()
    loss.backward()
    assert float(partition.detach()[0]) == 0
    assert emissions.grad is not None
    assert bool(torch.isfinite(emissions.grad).all())
    assert bool((emissions.grad[0] == 0).all())
    assert bool((emissions.grad[1] != 0).any())
    none = emissions.detach()[:, :0]
    assert log_partition(none, mask[:, :0], transitions).tolist() == [0, 0]
    assert path_score(none, torch.zeros(2, 0, dtype=torch.int64), mask[:, :0], transitions).tolist() == [0, 0]
    assert viterbi(none, mask[:, :0], transitions)[0].shape == (2, 0)


def test_gradients_are_those_of_finite_differences() -> None:
    emissions, transitions = made(4, rows=3, barred=False)
    mask, tags = masked([4, 2, 3]), torch.randint(0, TAGS, (3, 4), generator=torch.Generator().manual_seed(1))

    def surprise(emissions: Tensor, start: Tensor, between: Tensor, end: Tensor) -> Tensor:
        between = between.masked_fill(torch.tensor([[False, False, True], [False] * 3, [False] * 3]), BARRED)
        steps = Transitions(start, between, end)
        return log_partition(emissions, mask, steps) - path_score(emissions, tags.clamp(max=1), mask, steps)

    numbers = [one.clone().requires_grad_() for one in (emissions, transitions.start, transitions.between, transitions.end)]
    assert torch.autograd.gradcheck(surprise, numbers)
