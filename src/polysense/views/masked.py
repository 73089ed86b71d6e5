"""Spans of whole words hidden, for a model to recover."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from polysense.data.vocabulary import Vocabulary
from polysense.types import Batch
from polysense.views.view import Shown, View

KEPT = -100
"""Stands in ``original`` where a token was not chosen."""


@dataclass(frozen=True)
class Masked(View):
    """``share`` of each text's tokens are chosen, in spans of whole words, and mostly replaced by the mask token.

    A span begins at a random word and takes whole words to its right until it holds as many tokens as were drawn: a geometric
    number from 1 to ``longest_span`` that goes on with probability 1 - ``span_stop``. Spans are drawn until ceil(share * n) of the
    row's n tokens are chosen; the last one is cut there. Of the chosen tokens 80 % become the mask, 10 % a random token, 10 % stay.
    Special tokens are never chosen, and texts of fewer than 3 tokens are left alone.
    Targets: ``original`` (batch, time) int64, the token where one was chosen, -100 elsewhere.
    Source: UNIMO (ACL 2021), masked language modelling; with ``longest_span`` 1 whole-word masking of BERT.
    """

    vocabulary: Vocabulary
    share: float = 0.15
    longest_span: int = 10
    span_stop: float = 0.2

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """Choose, then replace."""
        part = batch.parts["text"]
        ids = part["input_ids"]
        words = self.vocabulary.words(ids).masked_fill(~part["attention_mask"].bool(), -1)
        picker = random.Random(int(torch.randint(2**62, (1,), generator=draw)))
        chosen = torch.zeros_like(ids, dtype=torch.bool)
        for row, numbers in enumerate(words.tolist()):
            chosen[row, self._places(numbers, picker)] = True
        masked = replaced(ids, chosen, self.vocabulary, draw)
        shown = Batch(parts={**batch.parts, "text": {**part, "input_ids": masked}}, fields=batch.fields)
        return Shown(shown, targets={"original": ids.masked_fill(~chosen, KEPT)})

    def _places(self, words: list[int], picker: random.Random) -> list[int]:
        """The chosen places of a row whose tokens belong to ``words`` (-1: to none)."""
        free = [place for place, word in enumerate(words) if word >= 0]
        if len(free) < 3:
            return []
        budget = math.ceil(self.share * len(free))
        chosen: set[int] = set()
        while len(chosen) < budget:
            anchor = picker.choice([place for place in free if place not in chosen])
            span = self._span(words, anchor, self._length(picker))
            chosen.update([place for place in span if place not in chosen][: budget - len(chosen)])
        return sorted(chosen)

    def _length(self, picker: random.Random) -> int:
        """Geometric from 1 to ``longest_span``, renormalised."""
        chances = [self.span_stop * (1 - self.span_stop) ** tokens for tokens in range(self.longest_span)]
        return picker.choices(range(1, self.longest_span + 1), weights=chances)[0]

    @staticmethod
    def _span(words: list[int], anchor: int, length: int) -> list[int]:
        """The anchor's word, and whole words to its right until ``length`` tokens are there."""
        start = anchor
        while start > 0 and words[start - 1] == words[anchor]:
            start -= 1
        end = start
        while end < len(words) and words[end] >= 0 and (end - start < length or words[end] == words[end - 1]):
            end += 1
        return list(range(start, end))


def replaced(ids: Tensor, chosen: Tensor, vocabulary: Vocabulary, draw: torch.Generator) -> Tensor:
    """``ids`` with the chosen tokens hidden: 80 % by the mask token, 10 % by a random one that is not special, 10 % not at all."""
    assert vocabulary.mask is not None
    usual = torch.nonzero(~vocabulary.special)[:, 0]
    fate = torch.rand(ids.shape, generator=draw).to(ids.device)
    others = usual[torch.randint(len(usual), ids.shape, generator=draw)].to(ids.device)
    hidden = ids.masked_fill(chosen & (fate < 0.8), vocabulary.mask)
    return torch.where(chosen & (fate >= 0.9), others, hidden)
