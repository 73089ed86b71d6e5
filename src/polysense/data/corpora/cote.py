"""COTE-BD (Li et al., ACML 2018)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.lines import read_lines
from polysense.data.media import file_digest
from polysense.data.rows import origin
from polysense.data.splits import with_validation
from polysense.data.table import Table
from polysense.errors import DataError, display
from polysense.types import Sample, Span

FOLDER = "cote_zh"
ROLE = "target"


class Cote(Corpus):
    """COTE-BD: 12,191 Chinese sentences with the one thing that each speaks of.

    8,533 for training, 3,658 for testing; a tenth of the training sentences become validation sentences, by ``seed``. The target is
    published as text: its first occurrence is the span.
    """

    tasks: ClassVar[tuple[str, ...]] = ("span tagging",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = ("baidu/train.txt", "baidu/test.txt")

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The sentences under ``root``, which is the folder of this set or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER)
        files = {split: expect(self, home / "baidu" / f"{split}.txt") for split in ("train", "test")}
        every = [sample for split, path in files.items() for sample in _samples(path, split)]
        return Table(
            name=FOLDER,
            samples=tuple(with_validation(every, seed=self.seed)),
            columns=("text", "spans"),
            digests={path.name: file_digest(path) for path in files.values()},
            folder=home,
        )


def _samples(path: Path, split: str) -> list[Sample]:
    """One JSON object a line: ``s``, the sentence, and ``ot``, the target; blank lines are passed over."""
    lines = enumerate(read_lines(path), start=1)
    return [_sample(origin(display(path), number), f"{split}/{number}", line, split) for number, line in lines if line.strip()]


def _sample(where: str, name: str, line: str, split: str) -> Sample:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: not JSON ({error})") from None
    match row:
        case {"s": str(text), "ot": str(target)} if target and target in text:
            start = text.index(target)
            return Sample(id=name, text=text, spans=(Span(start, start + len(target), ROLE),), split=split, origin=where)
    raise DataError(f"{where}: expected a sentence 's' and a target 'ot' that stands in it")
