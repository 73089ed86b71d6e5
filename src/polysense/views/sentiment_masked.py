"""Texts whose sentiment is hidden, for a model to recover."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from polysense.data.vocabulary import Vocabulary
from polysense.types import Batch
from polysense.views.masked import KEPT, replaced
from polysense.views.view import Shown, View

Value = TypeVar("Value")

WORDS, POLARITY, PAIRS = "words", "polarity", "pairs"
"""What the fields say, see :class:`SentimentMasked`; their names begin with the view's ``source``."""

LEFT_OUT = -1
"""In ``words``: a token that is never hidden, for it is part of a sentiment word that was left out."""

OUTSIDE = -2
"""In ``words``: a token that is no part of the text, as those of the aspect before it: never hidden, nor counted."""


@dataclass(frozen=True)
class SentimentMasked(View):
    """Aspects with their sentiment words are hidden, then sentiment words, then other tokens.

    In each text of n tokens, special ones and those of an aspect before it not counted, with a budget of
    ``B = max(1, round(share * n))`` tokens:

    1. At most ``most_pairs`` of its pairs, drawn at random, none sharing a word with another. Every token of both words becomes the
       mask, beside the budget.
    2. The other sentiment words in random order: one whose tokens all fit into what is left of B becomes the mask whole; one
       that does not is left out.
    3. What is left of B goes to tokens that are neither hidden nor part of any sentiment word: 80 % become the mask, 10 % a random
       token, 10 % stay.

    Reads the batch fields ``<source>.words`` (batch, time) int64, the number of the sentiment word or aspect that a token is part
    of, from 1, 0 for none, -1 for those of words that are left out, -2 for those outside the text; ``<source>.polarity`` (batch,
    time) int64, of the tokens of sentiment words, -100 elsewhere; and ``<source>.pairs`` (batch, pairs, 2) int64, the numbers of
    aspect and sentiment word, 0 where a row has fewer pairs.
    Targets: ``original`` (batch, time) int64, the token where steps 2 and 3 chose one, -100 elsewhere; ``polarity`` (batch, time)
    int64, 0 or 1 on the hidden tokens of sentiment words, -100 elsewhere; for each hidden pair ``pair_row`` (hidden pairs,) int64,
    its row, and ``pair_tokens`` (hidden pairs, longest) int64, the tokens of its two words, then -100.
    Source: SKEP (ACL 2020), sentiment masking; what is whole, what shares a word and what fits are ours.
    """

    vocabulary: Vocabulary
    source: str
    share: float = 0.1
    most_pairs: int = 2

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """Choose row by row, then replace."""
        part = batch.parts["text"]
        ids = part["input_ids"]
        words, polarity, pairs = (batch.fields[f"{self.source}.{name}"] for name in (WORDS, POLARITY, PAIRS))
        free = ~self.vocabulary.special.to(ids.device)[ids] & part["attention_mask"].bool() & (words != OUTSIDE)
        picker = random.Random(int(torch.randint(2**62, (1,), generator=draw)))
        columns = (free.tolist(), words.tolist(), polarity.tolist(), pairs.tolist())
        rows = [self._choose(*columns_of_row, picker) for columns_of_row in zip(*columns, strict=True)]
        whole = _places([row.paired + row.sentiment for row in rows], ids)
        counted = _places([row.sentiment for row in rows], ids)
        common = _places([row.common for row in rows], ids)
        assert self.vocabulary.mask is not None
        masked = replaced(ids, common, self.vocabulary, draw).masked_fill(whole, self.vocabulary.mask)
        pair_row, pair_tokens = _pair_targets(ids, [row.pairs for row in rows])
        shown = Batch(parts={**batch.parts, "text": {**part, "input_ids": masked}}, fields=batch.fields)
        return Shown(
            shown,
            targets={
                "original": ids.masked_fill(~(counted | common), KEPT),
                "polarity": polarity.masked_fill(~whole, KEPT),
                "pair_row": pair_row,
                "pair_tokens": pair_tokens,
            },
        )

    def _choose(
        self,
        free: Sequence[bool],
        words: Sequence[int],
        polarity: Sequence[int],
        pairs: Sequence[Sequence[int]],
        picker: random.Random,
    ) -> _Row:
        chosen = _Row()
        places: dict[int, list[int]] = {}
        for place, number in enumerate(words):
            if number > 0:
                places.setdefault(number, []).append(place)
        lexicon = {number for number, polar in zip(words, polarity, strict=True) if polar != KEPT}
        hidden: set[int] = set()
        for pair in _shuffled(((aspect, word) for aspect, word in pairs if word), picker):
            if len(chosen.pairs) < self.most_pairs and hidden.isdisjoint(pair):
                hidden.update(pair)
                chosen.pairs.append(sorted({place for number in pair for place in places[number]}))
        left = max(1, round(self.share * sum(free)))
        for number in _shuffled(sorted(lexicon - hidden), picker):
            if len(places[number]) <= left:
                left -= len(places[number])
                chosen.sentiment += places[number]
        barred = lexicon | hidden | {LEFT_OUT}
        others = [place for place, is_free in enumerate(free) if is_free and words[place] not in barred]
        chosen.common += picker.sample(others, min(left, len(others)))
        return chosen


@dataclass
class _Row:
    """The places that a row hides."""

    pairs: list[list[int]] = field(default_factory=list)
    """Those of each hidden pair."""
    sentiment: list[int] = field(default_factory=list)
    common: list[int] = field(default_factory=list)

    @property
    def paired(self) -> list[int]:
        """Those of all hidden pairs."""
        return [place for pair in self.pairs for place in pair]


def _shuffled(values: Iterable[Value], picker: random.Random) -> list[Value]:
    found = list(values)
    picker.shuffle(found)
    return found


def _places(rows: Sequence[Sequence[int]], like: Tensor) -> Tensor:
    """(batch, time) bool: True at the places of each row."""
    found = torch.zeros(like.shape, dtype=torch.bool)
    for row, places in zip(found, rows, strict=True):
        row[list(places)] = True
    return found.to(like.device)


def _pair_targets(ids: Tensor, rows: Sequence[Sequence[Sequence[int]]]) -> tuple[Tensor, Tensor]:
    found = [(number, ids[number, list(places)]) for number, pairs in enumerate(rows) for places in pairs]
    tokens = [tokens for _, tokens in found] or [ids.new_zeros(0)]
    padded = torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True, padding_value=KEPT)[: len(found)]
    return torch.tensor([number for number, _ in found], dtype=torch.int64, device=ids.device), padded
