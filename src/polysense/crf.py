"""The mathematics of a linear chain: how probable a sequence of tags is, and which one is the best.

The score of tags ``y`` for the words ``1 ... n`` of a row is

    ``s(y) = start[y_1] + sum_t emission[t, y_t] + sum_t between[y_t, y_(t+1)] + end[y_n]``

and ``p(y) = exp(s(y)) / Z`` over all sequences (Lafferty, McCallum and Pereira, ICML 2001). Pure functions of tensors, a step a word
for all rows at once. A row's words stand at its beginning, ``mask`` says where; what is behind them changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BARRED = -torch.inf
"""The score of a step that no sequence takes."""

NO_TAG = -1
"""In the place of a tag where a row has no word."""


@dataclass(frozen=True, slots=True)
class Transitions:
    """What the steps of a sequence score. Some tag must lead to every tag that can stand at a second word, and some end a row."""

    start: Tensor
    """(tags,): beginning with a tag."""
    between: Tensor
    """(tags, tags): from a tag (row) to the next word's (column)."""
    end: Tensor
    """(tags,): ending with a tag."""


def log_partition(emissions: Tensor, mask: Tensor, transitions: Transitions) -> Tensor:
    """``log Z`` of each row (rows,): the logarithm of the sum of ``exp(score)`` over all sequences; 0 for a row without words.

    Args:
        emissions: (rows, words, tags).
        mask: (rows, words) bool, True where there is a word.
        transitions: barred steps count for nothing.
    """
    rows, words, _ = emissions.shape
    if words == 0:
        return emissions.new_zeros(rows)
    reached = transitions.start + emissions[:, 0]  # (rows, tags): log of the sum over all beginnings that end with a tag
    for at in range(1, words):
        step = torch.logsumexp(reached.unsqueeze(2) + transitions.between, dim=1) + emissions[:, at]
        reached = torch.where(mask[:, at, None], step, reached)
    return torch.where(mask[:, 0], torch.logsumexp(reached + transitions.end, dim=1), 0.0)


def path_score(emissions: Tensor, tags: Tensor, mask: Tensor, transitions: Transitions) -> Tensor:
    """The score of each row's own tags (rows,); 0 for a row without words, minus infinity where a step is barred.

    Args:
        emissions: (rows, words, tags).
        tags: (rows, words) int64; anything where there is no word.
        mask: (rows, words) bool.
        transitions: of the steps.
    """
    rows, words, _ = emissions.shape
    if words == 0:
        return emissions.new_zeros(rows)
    tags = tags.masked_fill(~mask, 0)
    of_words = emissions.gather(2, tags.unsqueeze(2)).squeeze(2)
    of_steps = transitions.between[tags[:, :-1], tags[:, 1:]]
    last = tags.gather(1, (mask.sum(dim=1, keepdim=True) - 1).clamp(min=0)).squeeze(1)
    total = transitions.start[tags[:, 0]] + transitions.end[last]
    total = total + torch.where(mask, of_words, 0.0).sum(dim=1) + torch.where(mask[:, 1:], of_steps, 0.0).sum(dim=1)
    return torch.where(mask[:, 0], total, 0.0)


def viterbi(emissions: Tensor, mask: Tensor, transitions: Transitions) -> tuple[Tensor, Tensor]:
    """The best tags of each row (rows, words), -1 where there is no word, and their score (rows,), 0 for a row without words.

    Args:
        emissions: (rows, words, tags).
        mask: (rows, words) bool.
        transitions: barred steps are never taken.
    """
    rows, words, count = emissions.shape
    if words == 0:
        return mask.new_zeros((rows, 0), dtype=torch.int64), emissions.new_zeros(rows)
    stay = torch.arange(count, device=emissions.device).expand(rows, count)
    reached, steps = transitions.start + emissions[:, 0], []
    for at in range(1, words):
        best, before = (reached.unsqueeze(2) + transitions.between).max(dim=1)
        here = mask[:, at, None]
        reached = torch.where(here, best + emissions[:, at], reached)
        steps.append(torch.where(here, before, stay))  # behind the last word the tag stays what it is
    score, tag = (reached + transitions.end).max(dim=1)
    found = [tag]
    for before in reversed(steps):
        tag = before.gather(1, tag.unsqueeze(1)).squeeze(1)
        found.append(tag)
    return torch.stack(found[::-1], dim=1).masked_fill(~mask, NO_TAG), torch.where(mask[:, 0], score, 0.0)
