"""A source that is read, and behind it a target that is written token by token: how one row of both is laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from polysense.data.vocabulary import Vocabulary
from polysense.errors import RecipeError
from polysense.types import MARK, Batch, Fields
from polysense.views.masked import KEPT
from polysense.views.view import Shown

Counting = Literal["continuous", "restart"]
"""Where the places of a target begin that is no part of its source's text: behind the source, or at 0 again."""


def target_start(source: int | Tensor, counting: Counting) -> int | Tensor:
    """The place of a target's first token, [CLS], for a source text of so many tokens; in training and in decoding.

    A picture has no places, so that without a source text a target begins at 0.
    """
    return source if counting == "continuous" else source * 0


def refuse_far_places(place: int, positions: int) -> None:
    """Raise where the network, which knows so many positions, has no embedding of a place.

    Raises:
        RecipeError: says what to shorten.
    """
    if place >= positions:
        raise RecipeError(
            f"Generation: a target would stand at place {place}, and the text encoder has {positions}: shorten "
            "encoders.text.max_length or what is written (Generation.longest), or write places: restart"
        )


@dataclass
class Line:
    """One row: its tokens, where they stand in the text, which of them are written, and what each of these is followed by."""

    ids: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    target: list[bool] = field(default_factory=list)
    original: list[int] = field(default_factory=list)
    """At a target token the token to be written next; -100 at a target's last one, and in the source."""

    def read(self, ids: Sequence[int], places: Sequence[int]) -> None:
        """Go on with tokens of the source."""
        self._add(ids, places, [KEPT] * len(ids), target=False)

    def write(self, words: Sequence[int], first: int, vocabulary: Vocabulary) -> None:
        """Go on with ``[CLS] words [SEP]`` at the places from ``first`` on."""
        assert vocabulary.start is not None
        assert vocabulary.end is not None
        ids = [vocabulary.start, *words, vocabulary.end]
        self._add(ids, range(first, first + len(ids)), [*ids[1:], KEPT], target=True)

    def _add(self, ids: Sequence[int], places: Sequence[int], original: Sequence[int], *, target: bool) -> None:
        self.ids += ids
        self.places += places
        self.target += [target] * len(ids)
        self.original += original


def shown_lines(batch: Batch, lines: Sequence[Line]) -> Shown:
    """The batch with its text laid out anew, a line a row; a row of no token lacks the text.

    Targets: ``original`` (batch, time) int64.
    """
    device = batch.fields["index"].device
    longest = max(1, *(len(line.ids) for line in lines))

    def padded(rows: Sequence[Sequence[int]], fill: int) -> Tensor:
        return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows], device=device)

    lengths = torch.tensor([len(line.ids) for line in lines], device=device)
    real = torch.arange(longest, device=device) < lengths.unsqueeze(1)
    text: Fields = {
        "input_ids": padded([line.ids for line in lines], 0),
        "attention_mask": real.long(),
        "present": lengths > 0,
        "key": batch.parts["text"]["key"],
        f"{MARK}place": padded([line.places for line in lines], 0),
        f"{MARK}target": padded([line.target for line in lines], fill=False).bool(),
    }
    shown = Batch(parts={**batch.parts, "text": text}, fields=batch.fields)
    return Shown(shown, targets={"original": padded([line.original for line in lines], KEPT)})


def words_of(part: Fields, vocabulary: Vocabulary) -> list[list[int]]:
    """The tokens of each row's text without the special ones; none where the row lacks it."""
    return [
        [token for token, word in zip(*row, strict=True) if word >= 0]
        for row in zip(part["input_ids"].tolist(), real_words(part, vocabulary).tolist(), strict=True)
    ]


def real_words(part: Fields, vocabulary: Vocabulary) -> Tensor:
    """Which word of its row each token belongs to (batch, time), from 0; -1 for special tokens, padding, and rows without a text."""
    real = part["attention_mask"].bool() & part["present"].unsqueeze(1)
    return vocabulary.words(part["input_ids"]).masked_fill(~real, -1)
