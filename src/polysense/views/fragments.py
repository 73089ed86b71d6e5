"""Fragments taken out of texts, for a model to write again."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch

from polysense.data.vocabulary import Vocabulary
from polysense.types import Batch
from polysense.views.view import Shown, View
from polysense.views.written import Line, real_words, shown_lines


@dataclass(frozen=True)
class Fragments(View):
    """About ``share`` of each text's tokens are taken out in fragments, which are written behind the rest, each as [CLS] f [SEP].

    Lengths are drawn evenly from ``shortest`` to ``longest``, and places evenly from those that are free, until ``share`` of the row's
    n tokens are taken; a draw is cut to what is still missing, but to no fewer than ``shortest``. Fragments never touch, and lie
    between special tokens. A text of fewer than 8 tokens loses one fragment of 1 to n / 2, one of fewer than 4 none: nothing is
    written in it. Every token keeps its place in the text; a fragment's [CLS] takes the place before it, its [SEP] the one behind it.
    Targets: ``original`` (batch, time) int64, at each written token the next one; -100 at [SEP] and in the rest.
    Source: UNIMO (ACL 2021), sequence-to-sequence generation; the rule for short texts is ours.
    """

    vocabulary: Vocabulary
    share: float = 0.25
    shortest: int = 4
    longest: int = 32

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """Take out, and lay out."""
        part = batch.parts["text"]
        picker = random.Random(int(torch.randint(2**62, (1,), generator=draw)))
        words = real_words(part, self.vocabulary).tolist()
        rows = zip(part["input_ids"].tolist(), part["attention_mask"].tolist(), part["present"].tolist(), words, strict=True)
        return shown_lines(batch, [self._line(*row, picker) for row in rows])

    def _line(self, ids: list[int], real: list[int], present: bool, words: list[int], picker: random.Random) -> Line:
        line = Line()
        if not present:
            return line
        spans = self.spans([word >= 0 for word in words], picker)
        taken = {place for start, end in spans for place in range(start, end)}
        rest = [place for place, there in enumerate(real) if there and place not in taken]
        line.read([ids[place] for place in rest], rest)
        for start, end in spans:
            line.write(ids[start:end], start - 1, self.vocabulary)
        return line

    def spans(self, usual: list[bool], picker: random.Random) -> list[tuple[int, int]]:
        """The fragments of a row in order, each from its first place to behind its last; ``usual``: which tokens are not special."""
        count = sum(usual)
        if count < 4:
            return []
        free = list(usual)
        if count < 8:
            return sorted(_place(free, picker.randint(1, count // 2), picker))
        spans: list[tuple[int, int]] = []
        taken = 0
        while taken < self.share * count:
            missing = max(self.shortest, math.ceil(self.share * count - taken))
            length = min(picker.randint(self.shortest, self.longest), missing)
            found = _place(free, length, picker) or _place(free, self.shortest, picker)
            if not found:
                break
            for start, end in found:
                for place in range(start - 1, min(end + 1, len(free))):  # a special token stands before the first
                    free[place] = False
                taken += end - start
            spans += found
        return sorted(spans)


def _place(free: list[bool], length: int, picker: random.Random) -> list[tuple[int, int]]:
    """Where so many free tokens stand in a row, drawn evenly from all such places; none where there is none."""
    runs, starts = 0, []
    for place, is_free in enumerate(free):
        runs = runs + 1 if is_free else 0
        if runs >= length:
            starts.append(place + 1 - length)
    if not starts:
        return []
    start = picker.choice(starts)
    return [(start, start + length)]
