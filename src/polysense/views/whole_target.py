"""A whole text to be written: of a picture, or from another text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from polysense.data.vocabulary import Vocabulary
from polysense.types import Batch
from polysense.views.view import Shown, View
from polysense.views.written import Counting, Line, refuse_far_places, shown_lines, target_start, words_of


@dataclass(frozen=True)
class WholeTarget(View):
    """``[source] [CLS] target [SEP]``: the row's own text is written (``text``), from its picture, or its ``pair``, from its text.

    The source text is the row's text where its pair is written, else the tokens that ``tags`` names among the fields. Rows without a
    source (a text or a picture) or without a target are blank. A target of more than ``longest`` tokens, [SEP] included, is cut
    before [SEP].
    Targets: ``original`` (batch, time) int64, at each written token the next one; -100 elsewhere.
    Source: UNIMO (ACL 2021), fine-tuning on generation.
    """

    vocabulary: Vocabulary
    target: Literal["text", "pair"]
    longest: int
    positions: int
    """That the text encoder knows; a target that would stand behind them is refused."""
    counting: Counting = "continuous"
    tags: str | None = None

    def show(self, batch: Batch, draw: torch.Generator) -> Shown:
        """Lay out."""
        targets = words_of(batch.parts[self.target], self.vocabulary)
        there = batch.parts[self.target]["present"].tolist()
        sources = self._sources(batch)
        pictures = batch.parts["image"]["present"].tolist() if "image" in batch.parts else [False] * batch.size
        lines = []
        for words, source, has_target, has_picture in zip(targets, sources, there, pictures, strict=True):
            line = Line()
            if has_target and (source or has_picture):
                first = target_start(len(source), self.counting)
                assert isinstance(first, int)
                line.read(source, range(len(source)))
                line.write(words[: self.longest - 1], first, self.vocabulary)
                refuse_far_places(line.places[-1], self.positions)
            lines.append(line)
        return shown_lines(batch, lines)

    def _sources(self, batch: Batch) -> list[list[int]]:
        """The tokens of each row's source text, special ones included; none where it has no such text."""
        if self.target == "pair":
            part = batch.parts["text"]
            ids, real = part["input_ids"], part["attention_mask"].bool() & part["present"].unsqueeze(1)
        elif self.tags is not None:
            ids, real = batch.fields[self.tags], batch.fields[f"{self.tags}.real"]
        else:
            return [[] for _ in range(batch.size)]
        return [row[keep].tolist() for row, keep in zip(ids, real, strict=True)]
