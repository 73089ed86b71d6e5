"""The sentiment words and aspects of the texts of a batch, laid onto their tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from polysense.data.alignment import Alignment
from polysense.encoders.transformer_text import TransformerText
from polysense.knowledge import Found, FoundPair, Knowledge, find
from polysense.objectives.kept_knowledge import recall
from polysense.types import Fields, Sample
from polysense.views.masked import KEPT
from polysense.views.sentiment_masked import LEFT_OUT, OUTSIDE, PAIRS, POLARITY, WORDS

_BLANK = re.compile(r"\s")


@dataclass(frozen=True)
class SentimentFields:
    """Prepares what :class:`polysense.views.sentiment_masked.SentimentMasked` reads. Equal ones prepare the same.

    A word's tokens are all that stand for one of its characters; what the end of the read text cuts is no word. Words that share a
    token (a tokenizer may join what a lexicon parts) count as one word, so that none of them is ever hidden in part; a shared token
    has the polarity of the first.

    Args:
        encoder: whose tokens they are.
        knowledge: its digest.
        skip_negated: leave out sentiment words with a negator at most three words to their left, in their clause: none of them is
            hidden, nor a part of one, nor what shares a token with it.
    """

    encoder: TransformerText
    knowledge: str
    skip_negated: bool = False

    @property
    def source(self) -> str:
        """What the names of the fields begin with: other knowledge has other fields."""
        return f"sentiment.{self.knowledge[-8:]}{'.unnegated' if self.skip_negated else ''}"

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """The fields of the samples' texts, cut as the encoder cuts them."""
        spans, knowledge = self.encoder.spans(samples), recall(self.knowledge)
        rows = [self._row(sample.text or "", row, knowledge) for sample, row in zip(samples, spans, strict=True)]
        most = max((len(row.pairs) for row in rows), default=0)
        pairs = torch.zeros(len(rows), most, 2, dtype=torch.int64)
        for row, found in zip(rows, pairs, strict=True):
            found[: len(row.pairs)] = torch.tensor(row.pairs, dtype=torch.int64).reshape(-1, 2)
        return {
            f"{self.source}.{WORDS}": torch.tensor([row.words for row in rows]),
            f"{self.source}.{POLARITY}": torch.tensor([row.polarity for row in rows]),
            f"{self.source}.{PAIRS}": pairs,
        }

    def _row(self, text: str, spans: Sequence[tuple[int, int]], knowledge: Knowledge) -> _Row:
        alignment = Alignment.of(spans)
        blank = _BLANK.search(text, alignment.end)  # what is behind it is not looked through, however long the text
        near = text if blank is None else text[: blank.start()]
        found = find(near, knowledge, whole=lambda start, end: alignment.holds(near, start, end))
        left_out = {(word.start, word.end) for word in found.words if word.negated and self.skip_negated}
        paired = [pair for pair in found.pairs if (pair.word.start, pair.word.end) not in left_out]
        row = _Row(words=[0] * len(spans), polarity=[KEPT] * len(spans), pairs=[])
        if self.encoder.aspect:
            before = alignment.first if alignment.ends else len(spans)
            row.words[:before] = [OUTSIDE] * before
        for start, end, polarity in _in_order(found.words, paired):
            row.add(alignment.tokens(start, end), polarity)
        for start, end in left_out:
            row.leave_out(alignment.tokens(start, end))
        for pair in paired:
            aspect, word = alignment.tokens(pair.start, pair.end), alignment.tokens(pair.word.start, pair.word.end)
            if aspect and word:  # a tokenizer may leave characters out
                row.add_pair(row.words[aspect[0]], row.words[word[0]])
        return row


def _in_order(words: Sequence[Found], pairs: Sequence[FoundPair]) -> list[tuple[int, int, int]]:
    """Start, end and polarity of sentiment words and aspects from left to right, each once; an aspect has the polarity -100."""
    polarities = {(pair.start, pair.end): KEPT for pair in pairs} | {(word.start, word.end): word.polarity for word in words}
    return [(start, end, polarities[start, end]) for start, end in sorted(polarities)]


@dataclass
class _Row:
    """The fields of one text; words are added from left to right."""

    words: list[int]
    polarity: list[int]
    pairs: list[tuple[int, int]]
    last: int = 0

    def add(self, places: range, polarity: int) -> None:
        self.last += not any(self.words[place] for place in places)
        for place in places:
            self.words[place] = self.last
            if self.polarity[place] == KEPT:
                self.polarity[place] = polarity

    def leave_out(self, places: range) -> None:
        """After all words are added: those that hold one of the places."""
        numbers = {self.words[place] for place in places} - {LEFT_OUT}
        for place, number in enumerate(self.words):
            if number in numbers:
                self.words[place], self.polarity[place] = LEFT_OUT, KEPT

    def add_pair(self, aspect: int, word: int) -> None:
        """Unless one of them is left out."""
        if LEFT_OUT not in (aspect, word):
            self.pairs.append((aspect, word))
