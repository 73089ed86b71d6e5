"""A conditional random field over the tags of words, as a module with weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from polysense.crf import BARRED, Transitions, log_partition, path_score, viterbi
from polysense.data.tags import Tags


class TagChain(nn.Module):
    """What the steps from tag to tag score; steps that no spans make are barred. All weights begin at 0.

    Args:
        tags: their numbers are those of the tags.
    """

    barred_start: Tensor
    barred_between: Tensor
    barred_end: Tensor

    def __init__(self, tags: Tags) -> None:
        super().__init__()
        every = range(len(tags.names))
        self.start = nn.Parameter(torch.zeros(len(every)))
        self.between = nn.Parameter(torch.zeros(len(every), len(every)))
        self.end = nn.Parameter(torch.zeros(len(every)))
        barred = {
            "start": [not tags.may_start(tag) for tag in every],
            "between": [[not tags.may_follow(before, tag) for tag in every] for before in every],
            "end": [not tags.may_end(tag) for tag in every],
        }
        for name, steps in barred.items():
            self.register_buffer(f"barred_{name}", torch.tensor(steps), persistent=False)

    @property
    def transitions(self) -> Transitions:
        """The scores, in single precision."""
        return Transitions(
            self.start.float().masked_fill(self.barred_start, BARRED),
            self.between.float().masked_fill(self.barred_between, BARRED),
            self.end.float().masked_fill(self.barred_end, BARRED),
        )

    def surprise(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """``-ln p(tags | row)`` of each row (rows,).

        Args:
            emissions: (rows, words, tags).
            tags: (rows, words) int64.
            mask: (rows, words) bool, True where there is a word.
        """
        transitions = self.transitions
        return log_partition(emissions, mask, transitions) - path_score(emissions, tags, mask, transitions)

    def decode(self, emissions: Tensor, mask: Tensor) -> list[list[int]]:
        """The most probable tags of each row's words."""
        tags, _ = viterbi(emissions, mask, self.transitions)
        return [row[: int(count)] for row, count in zip(tags.tolist(), mask.sum(dim=1), strict=True)]
